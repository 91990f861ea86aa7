package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"understudy/internal/config"
)

func TestSchema_IsTheOneThatIsPublished(t *testing.T) {
	published, err := os.ReadFile("../../docs/understudy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, config.Schema()) {
		t.Error("docs/understudy.schema.json and internal/config/schema.json differ: copy the latter over the former")
	}
}

func TestSchema_IsValidAndItsExamplesAre(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("urn:test", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("urn:test")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range schema.Examples {
		if err := schema.Validate(example); err != nil {
			t.Error(err)
		}
	}
}

func TestSchema_DescribesEveryKey(t *testing.T) {
	var document map[string]any
	if err := json.Unmarshal(config.Schema(), &document); err != nil {
		t.Fatal(err)
	}
	defs := document["$defs"].(map[string]any)
	var described func(path string, rule map[string]any)
	described = func(path string, rule map[string]any) {
		properties, _ := rule["properties"].(map[string]any)
		for name, property := range properties {
			p := property.(map[string]any)
			target := p
			if ref, ok := p["$ref"].(string); ok {
				target = defs[ref[len("#/$defs/"):]].(map[string]any)
			}
			if p["description"] == nil && target["description"] == nil && target["title"] == nil && name != "steps" && name != "header" {
				t.Errorf("%s.%s has no description", path, name)
			}
		}
	}
	described("", document)
	for name, rule := range defs {
		described(name, rule.(map[string]any))
	}
}
