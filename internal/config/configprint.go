package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"understudy"
)

// ConfigPrint lets configurations be compared without being shown: a keyed HMAC-SHA256
// of an environment's keys and values as the application would see them (defaults,
// values, secrets; references not put in, and nothing of what the runtime gives), and
// for each key the first 12 hexadecimal digits of its own. With another HMAC key, or in
// another place, nothing is comparable; without it, nothing can be guessed.
func ConfigPrint(env understudy.Environment, app understudy.Application, key []byte, secret func(understudy.SecretRef) (string, error),
) (whole string, perKey map[string]string, err error) {
	if len(key) < 16 {
		return "", nil, understudy.Errorf(understudy.KindInternal, "comparing configuration: expected a key of at least 16 bytes, found %d", len(key))
	}
	l := newLayers(app, understudy.Service{}, env)
	if err := l.readSecrets(env, secret); err != nil {
		return "", nil, err
	}
	var all strings.Builder
	perKey = map[string]string{}
	for _, name := range sorted(l.values) {
		line := strconv.Quote(name) + "=" + strconv.Quote(l.values[name].text) + "\n"
		all.WriteString(line)
		perKey[name] = keyed(key, "key", line)[:12]
	}
	return keyed(key, "configuration", all.String()), perKey, nil
}

// keyed is the HMAC of a text, for one purpose.
func keyed(key []byte, purpose, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\n" + text)) // never fails, as hash.Hash promises
	return hex.EncodeToString(mac.Sum(nil))
}
