package config_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/config"
)

const ruled = `application: shop
services: {web: {command: [x], env: {MODE: "${MODE:-slow}"}}}
config:
  schema: config.schema.yaml
  rules:
    - {rule: "config.POOL * config.WORKERS <= 100", says: all pools have at most 100 connections}
    - {rule: "purpose != 'production' || !config.DEBUG", says: DEBUG is off in production}
    - {rule: "!has(config.TLS_KEY) || has(config.TLS_CERT)", says: a key needs its certificate}
  POOL: {default: 10, schema: {type: integer, minimum: 1}}
  WORKERS: {default: 2, schema: {type: integer}}
  DEBUG: {default: "false", schema: {type: boolean}}
  RATIO: {schema: {type: number, exclusiveMaximum: 1}}
  HOSTS: {schema: {type: array, minItems: 2}}
  MODE: {schema: {enum: [slow, fast]}}
  TLS_KEY: {secret: true, schema: {minLength: 20}}
  TLS_CERT:
  TOKENS: {secret: true, schema: {type: object, additionalProperties: false}}
environments: {production: {purpose: production}}
`

const wholeSchema = `type: object
properties: {LEVEL: {$ref: "#/$defs/level"}, TLS_CERT: {type: string}}
$defs: {level: {type: integer, maximum: 5}}
dependentRequired: {TLS_KEY: [TLS_CERT]}
`

func TestTerms_SayWhatAConfigurationDoesNotKeep(t *testing.T) {
	p, err := load(t, map[string]string{config.FileName: ruled, "config.schema.yaml": wholeSchema})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"all is kept":                      {map[string]string{"RATIO": "0.5", "HOSTS": `["a","b"]`, "LEVEL": "3"}, ""},
		"not a whole number":               {map[string]string{"POOL": "many"}, `POOL: expected a whole number, found "many"; all pools have at most 100 connections; it cannot be told, as the values are not of the types that the rule compares: say them with schema: {type: …} (rule config.POOL * config.WORKERS <= 100)`},
		"a number with zeros":              {map[string]string{"WORKERS": "007"}, `WORKERS: expected a whole number, found "007"; all pools`},
		"empty":                            {map[string]string{"RATIO": ""}, `RATIO: expected a number, found nothing`},
		"too small":                        {map[string]string{"POOL": "0"}, `POOL: expected at least 1, found "0"`},
		"too large":                        {map[string]string{"RATIO": "1.5e0"}, `RATIO: expected less than 1, found "1.5e0"`},
		"not true or false":                {map[string]string{"DEBUG": "yes"}, `DEBUG: expected true or false, found "yes"; DEBUG is off`},
		"a list that is too short":         {map[string]string{"HOSTS": `["a"]`}, `HOSTS: expected what its schema describes (minItems), found "[\"a\"]"`},
		"none of some":                     {map[string]string{"MODE": "warp"}, `MODE: expected one of slow, fast, found "warp"`},
		"by the whole schema":              {map[string]string{"LEVEL": "9"}, `LEVEL: expected at most 5, found "9"`},
		"a rule":                           {map[string]string{"WORKERS": "11"}, `all pools have at most 100 connections (rule config.POOL * config.WORKERS <= 100)`},
		"a rule on the purpose":            {map[string]string{"DEBUG": "true"}, `DEBUG is off in production (rule`},
		"what is in a secret":              {map[string]string{"TOKENS": `{"hunter2": "web"}`}, `TOKENS: expected nothing that its schema does not know (what was found is not shown, as it is a secret)`},
		"a secret, and what needs another": {map[string]string{"TLS_KEY": "hunter2"}, `TLS_KEY: expected at least 20 letters (what was found is not shown, as it is a secret); expected a value for TLS_CERT, as TLS_KEY is set; a key needs its certificate (rule`},
	} {
		t.Run(name, func(t *testing.T) {
			e := p.Environments[0]
			e.Env = c.env
			app := p.Application
			terms, err := config.TermsOf(app)
			if err != nil {
				t.Fatal(err)
			}
			broken := terms.Broken(config.Resolve(config.Stack{Application: app, Service: app.Services[0], Environment: e, Read: config.Reader(t.Context())}))
			refusal := config.Refusal("web", broken)
			if c.want == "" {
				if refusal != nil {
					t.Errorf("refused: %v", refusal)
				}
				return
			}
			if refusal == nil || !strings.HasPrefix(refusal.Error(), "configuration of web: "+c.want) || strings.Contains(refusal.Error(), "hunter2") {
				t.Errorf("got  %v\nwant configuration of web: %s", refusal, c.want)
			}
		})
	}
}

func TestTerms_NeverSayASecret(t *testing.T) {
	p, err := load(t, map[string]string{config.FileName: ruled, "config.schema.yaml": wholeSchema})
	if err != nil {
		t.Fatal(err)
	}
	app := p.Application
	for i := range app.Config {
		app.Config[i].Secret, app.Config[i].Default = true, ""
	}
	terms, err := config.TermsOf(app)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		e := understudy.Environment{Name: "p", Secrets: map[string]understudy.SecretRef{}}
		for _, k := range app.Config {
			e.Secrets[k.Key] = "env:" + understudy.SecretRef(k.Key)
		}
		secret := rapid.StringMatching(`[0-9a-z"{}\[\],.:]{0,12}`).Draw(t, "secret") + "hunter2"
		broken := terms.Broken(config.Resolve(config.Stack{Application: app, Environment: e, Read: func(understudy.SecretRef) (string, error) { return secret, nil }}))
		for _, b := range broken {
			if strings.Contains(b.Sentence(), "hunter2") {
				t.Fatalf("the secret is in %q", b.Sentence())
			}
		}
	})
}

func TestLoad_RefusesTypesAndRulesThatAreNone(t *testing.T) {
	head := "application: shop\nservices: {web: {command: [x]}}\nconfig:\n"
	for name, c := range map[string]struct{ file, want string }{
		"a schema that is none":      {head + "  K: {schema: {type: whole}}\n", `understudy.yaml:4:7: config.K.schema: expected a JSON Schema, found something else: /type: expected`},
		"a schema elsewhere":         {head + "  K: {schema: {$ref: 'http://x.invalid/y'}}\n", `config.K.schema: expected a JSON Schema that can be used`},
		"a default outside its type": {head + "  K: {default: lots, schema: {type: integer}}\n", `understudy.yaml:4:7: config.K.default: expected a whole number, found "lots"`},
		"no expression":              {head + "  K:\n  rules: [{rule: 'config.K >', says: x}]\n", `understudy.yaml:5:12: config.rules[0].rule: expected an expression of the Common Expression Language`},
		"not true or false":          {head + "  K:\n  rules: [{rule: '1 + 1', says: x}]\n", `config.rules[0].rule: expected an expression that is true or false, found one that gives int`},
		"a key that nobody has":      {head + "  PAGES:\n  rules: [{rule: 'config.PAGE == \"1\"', says: x}]\n", `it names config.PAGE, and the release declares no such key; did you mean "PAGES"?`},
		"a key by index":             {head + "  PAGES:\n  rules: [{rule: 'config[\"NONE\"] == \"1\"', says: x}]\n", `it names config.NONE`},
		"a rule without words":       {head + "  rules: [{rule: 'true'}]\n", `config.rules[0]: expected says:, found none`},
		"a schema file that is not":  {head + "  schema: none.json\n", `understudy.yaml:4:3: config.schema: there is no file none.json`},
	} {
		_, err := load(t, map[string]string{config.FileName: c.file})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, c.want)
		}
	}
}

func TestLoad_KeepsTypesAndRulesInTheRelease(t *testing.T) {
	a, err := load(t, map[string]string{config.FileName: ruled, "config.schema.yaml": wholeSchema})
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(t, map[string]string{config.FileName: ruled, "config.schema.yaml": strings.Replace(wholeSchema, "maximum: 5", "maximum: 6", 1)})
	if err != nil {
		t.Fatal(err)
	}
	of := func(app understudy.Application) understudy.Digest {
		r, err := understudy.Release{Application: app}.Name()
		if err != nil {
			t.Fatal(err)
		}
		return r.Config
	}
	if of(a.Application) == of(b.Application) {
		t.Error("another schema gives the same digest of the configuration")
	}
	before, err := understudy.DigestOfValue(struct { // as releases of before there were types and rules are named
		Keys []understudy.ConfigKey
		Env  map[string]map[string]string
	}{[]understudy.ConfigKey{{Key: "K"}}, map[string]map[string]string{}})
	if plain := (understudy.Application{Name: "shop", Config: []understudy.ConfigKey{{Key: "K"}}}); err != nil || of(plain) != before {
		t.Errorf("%v: a release without types and rules is named %s, was %s", err, of(plain), before)
	}
}
