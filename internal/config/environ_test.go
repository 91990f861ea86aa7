package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/config"
)

func spelt(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func fixed(values map[understudy.SecretRef]string) func(understudy.SecretRef) (string, error) {
	return func(ref understudy.SecretRef) (string, error) {
		value, found := values[ref]
		if !found {
			return "", understudy.Errorf(understudy.KindNotFound, "no %s", ref)
		}
		return value, nil
	}
}

// environOf is what a service is started with.
func environOf(app understudy.Application, service understudy.Service, env understudy.Environment, given map[string]string, read func(understudy.SecretRef) (string, error)) (config.Environ, error) {
	return config.Resolve(config.Stack{Application: app, Service: service, Environment: env, Given: given, Read: read}).Environ()
}

func TestEnviron_LaysLayersOverEachOther(t *testing.T) {
	app := understudy.Application{
		Databases: []understudy.Database{{Name: "main", Env: "DATABASE_URL"}},
		Config: []understudy.ConfigKey{{Key: "PAGE", Default: "20"}, {Key: "MODE", Default: "dev"}, {Key: "SESSION", Required: true, Secret: true},
			{Key: "COLOUR", Default: "blue"}},
	}
	web := understudy.Service{Name: "web", Env: map[string]string{
		"LISTEN": "127.0.0.1:${PORT}", "GREETING": "hi ${NAME:-you}, $$5", "COLOUR": "${COLOUR}", "SIGN": "<${SESSION}>", "MODE": "release"}}
	env := understudy.Environment{Name: "staging", Env: map[string]string{"MODE": "staging", "BASE": "http://${HOST}/", "HOST": "h", "PORT": "1"},
		Secrets: map[string]understudy.SecretRef{"SESSION": "env:S"}}
	given := map[string]string{"PORT": "4000", "DATABASE_URL": "postgres://u:pa%24s@h/d"}
	got, err := environOf(app, web, env, given, fixed(map[understudy.SecretRef]string{"env:S": "s${PORT}"}))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Environ{
		List: []string{"BASE=http://h/", "COLOUR=blue", "DATABASE_URL=postgres://u:pa%24s@h/d", "GREETING=hi you, $5", "HOST=h",
			"LISTEN=127.0.0.1:4000", "MODE=staging", "PAGE=20", "PORT=4000", "SESSION=s${PORT}", "SIGN=<s${PORT}>"},
		Secrets: []string{"postgres://u:pa%24s@h/d", "s${PORT}", "pa%24s", "pa$s"},
		Origin: map[string]string{"BASE": config.LayerEnvironment, "COLOUR": config.LayerDefault, "DATABASE_URL": config.LayerGiven,
			"GREETING": config.LayerDefault, "HOST": config.LayerEnvironment, "LISTEN": config.LayerDefault, "MODE": config.LayerEnvironment,
			"PAGE": config.LayerDefault, "PORT": config.LayerGiven, "SESSION": config.LayerSecret, "SIGN": config.LayerDefault},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEnviron_NamesAllThatIsMissingAndWhereToSetIt(t *testing.T) {
	app := understudy.Application{
		Config: []understudy.ConfigKey{{Key: "SESSION", Required: true, Secret: true, About: "signs sessions"}, {Key: "EMPTY", Required: true}, {Key: "LOOSE"}},
	}
	web := understudy.Service{Name: "web", Env: map[string]string{"A": "${ADDRESS:?of the payment service}", "B": "${OPTIONAL:-}", "EMPTY": "${OPTIONAL:-}"}}
	app.Services = []understudy.Service{web}
	_, err := environOf(app, web, understudy.Environment{Name: "production"}, nil, config.Reader(t.Context()))
	want := "configuration of service web in environment production: expected a value for ADDRESS (of the payment service), EMPTY, SESSION (signs sessions), found none"
	if err == nil || err.Error() != want || understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	hint := "set environments.production.env.ADDRESS, environments.production.env.EMPTY, environments.production.secrets.SESSION in understudy.yaml"
	if understudy.HintOf(err) != hint {
		t.Errorf("hint is %s", understudy.HintOf(err))
	}
}

func TestEnviron_NamesACircle(t *testing.T) {
	env := understudy.Environment{Name: "p", Env: map[string]string{"A": "${B}", "B": "${A}"}}
	_, err := environOf(understudy.Application{}, understudy.Service{}, env, nil, config.Reader(t.Context()))
	if err == nil || !strings.Contains(err.Error(), "in a circle: A → B → A") {
		t.Errorf("got %v", err)
	}
}

func TestEnviron_SaysWhichSecretCannotBeRead(t *testing.T) {
	env := understudy.Environment{Name: "p", Secrets: map[string]understudy.SecretRef{"K": "env:NOT_SET_ANYWHERE"}}
	_, err := environOf(understudy.Application{}, understudy.Service{}, env, nil, config.Reader(t.Context()))
	if understudy.KindOf(err) != understudy.KindNotFound || !strings.Contains(err.Error(), "secret K of environment p: reading a secret from variable NOT_SET_ANYWHERE") {
		t.Errorf("got %v", err)
	}
}

func TestConfigPrint_IsEqualForEqualConfigurationOnly(t *testing.T) {
	key := []byte("0123456789abcdef")
	app := understudy.Application{Config: []understudy.ConfigKey{{Key: "PAGE", Default: "20"}}}
	env := func(mode, secret string) (string, map[string]string) {
		e := understudy.Environment{Env: map[string]string{"MODE": mode}, Secrets: map[string]understudy.SecretRef{"K": "env:K"}}
		whole, per, err := config.ConfigPrint(e, app, key, fixed(map[understudy.SecretRef]string{"env:K": secret}))
		if err != nil {
			t.Fatal(err)
		}
		return whole, per
	}
	whole, per := env("a", "hunter2")
	again, _ := env("a", "hunter2")
	other, otherPer := env("a", "hunter3")
	if whole != again || whole == other || len(whole) != 64 {
		t.Errorf("prints: %s %s %s", whole, again, other)
	}
	if per["MODE"] != otherPer["MODE"] || per["K"] == otherPer["K"] || len(per) != 3 || len(per["K"]) != 12 {
		t.Errorf("prints per key: %v %v", per, otherPer)
	}
	if _, _, err := config.ConfigPrint(understudy.Environment{}, app, nil, config.Reader(t.Context())); err == nil {
		t.Error("a print without a key was made")
	}
}

func TestEnviron_NeverPutsASecretIntoAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9$%{}@:/ ]{4,20}`).Draw(t, "secret") + "-hunter2"
		env := understudy.Environment{Name: "p", Env: map[string]string{},
			Secrets: map[string]understudy.SecretRef{"K": "env:K"}}
		for _, key := range []string{"A", "B", "C"} {
			env.Env[key] = rapid.SampledFrom([]string{"", "${A}", "${B} ${K}", "${NONE}", "${K:?" + "about}"}).Draw(t, key)
		}
		app := understudy.Application{Config: []understudy.ConfigKey{{Key: "NEED", Required: rapid.Bool().Draw(t, "need")}}}
		_, err := environOf(app, understudy.Service{}, env, map[string]string{"DATABASE_URL": "postgres://u:" + secret},
			func(understudy.SecretRef) (string, error) {
				if rapid.Bool().Draw(t, "broken") {
					return "", errors.New("the vault is closed")
				}
				return secret, nil
			})
		if err != nil && strings.Contains(err.Error()+understudy.HintOf(err), "hunter2") {
			t.Fatalf("the secret is in %q", err)
		}
	})
}

func TestEnviron_OfAnUnsetVariableSaysWhoseItIsAndWhereItIsNamed(t *testing.T) {
	env := understudy.Environment{Name: "production", Secrets: map[string]understudy.SecretRef{"KEY": "env:UNDERSTUDY_TEST_NOT_SET"}}
	_, err := environOf(understudy.Application{}, understudy.Service{Name: "web"}, env, nil, config.Reader(t.Context()))
	hint := understudy.HintOf(err)
	if !strings.Contains(hint, "understudy stop") || !strings.Contains(hint, "environments.production.secrets.KEY") {
		t.Errorf("%v: the hint is %q, expected how the daemon gets it, and where it is named", err, hint)
	}
}
