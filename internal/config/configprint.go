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
// values, secrets; references not put in, and nothing of what the runtime gives; of a secret
// that rotates, its reference), and
// for each key its KeyPrint. With another HMAC key, or in another place, nothing is
// comparable; without it, nothing can be guessed.
func ConfigPrint(env understudy.Environment, app understudy.Application, key []byte, secret func(understudy.SecretRef) (string, error),
) (whole string, perKey map[string]string, err error) {
	if len(key) < 16 {
		return "", nil, understudy.Errorf(understudy.KindInternal, "comparing configuration: expected a key of at least 16 bytes, found %d", len(key))
	}
	r := Resolve(Stack{Application: app, Environment: env, Read: secret})
	if err := r.unread(); err != nil {
		return "", nil, err
	}
	var all strings.Builder
	perKey = map[string]string{}
	for _, name := range sorted(r.values) {
		text := r.values[name].top().text
		if ref, rotates := r.rotating(name); rotates {
			text = ref
		}
		all.WriteString(strconv.Quote(name) + "=" + strconv.Quote(text) + "\n")
		perKey[name] = KeyPrint(key, name, text)
	}
	return keyed(key, "configuration", all.String()), perKey, nil
}

// KeyPrint is a keyed digest of one key's value, of 12 hexadecimal digits: equal values of a
// key have equal prints, and nothing else can be told from them.
func KeyPrint(key []byte, name, value string) string {
	return keyed(key, "key", strconv.Quote(name)+"="+strconv.Quote(value)+"\n")[:12]
}

// keyed is the HMAC of a text, for one purpose.
func keyed(key []byte, purpose, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\n" + text)) // never fails, as hash.Hash promises
	return hex.EncodeToString(mac.Sum(nil))
}
