package config

import (
	"encoding/json"
	"errors"
	"io/fs"

	"go.yaml.in/yaml/v3"

	"understudy"
)

// configSection is what stands under config:, the keys in their order, a schema over all of
// them and rules between them.
type configSection struct {
	Keys   named[configEntry]
	Schema string
	Rules  []ruleEntry
}

type ruleEntry struct {
	Rule string `yaml:"rule"`
	Says string `yaml:"says"`
}

// UnmarshalYAML tells the schema and the rules from the keys.
func (c *configSection) UnmarshalYAML(node *yaml.Node) error {
	keys := yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		var err error
		switch name.Value {
		case "schema":
			err = value.Decode(&c.Schema)
		case "rules":
			err = value.Decode(&c.Rules)
		default:
			keys.Content = append(keys.Content, name, value)
		}
		if err != nil {
			return err
		}
	}
	return c.Keys.UnmarshalYAML(&keys)
}

// shape is a JSON Schema as it is written in a file.
type shape json.RawMessage

// UnmarshalYAML keeps a mapping as JSON.
func (s *shape) UnmarshalYAML(node *yaml.Node) error {
	raw, err := json.Marshal(instance(node))
	*s = shape(raw)
	return err
}

// configuration turns what stands under config: into words.
func (s *source) configuration(section configSection, app *understudy.Application) {
	for _, e := range section.Keys {
		v := e.Value
		key := understudy.ConfigKey{Key: e.Name, Required: v.Required, Secret: v.Secret, Unique: v.Unique, Rotates: v.Rotates, Default: string(v.Default), About: v.About}
		if len(v.Schema) > 0 {
			key.Schema = json.RawMessage(v.Schema)
		}
		app.Config = append(app.Config, key)
	}
	for _, r := range section.Rules {
		app.ConfigRules = append(app.ConfigRules, understudy.ConfigRule(r))
	}
	if section.Schema != "" {
		app.ConfigSchema = s.schemaFile(section.Schema)
	}
}

// schemaFile reads the JSON Schema over all of the configuration; what is wrong with the file
// is a problem of the key that names it.
func (s *source) schemaFile(written string) json.RawMessage {
	at := []string{"config", "schema"}
	content, err := readText(s.path(written), written)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			s.problems.at(at, "there is no file %s; expected one with a JSON Schema", written)
			return nil
		}
		s.problems.at(at, "%s", err)
		return nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil || empty(&document) || document.Content[0].Kind != yaml.MappingNode {
		s.problems.at(at, "%s: expected a JSON Schema, as JSON or YAML, found something else", written)
		return nil
	}
	raw, err := json.Marshal(instance(document.Content[0]))
	if err != nil {
		s.problems.at(at, "%s: %s", written, err)
		return nil
	}
	return raw
}
