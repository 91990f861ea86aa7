package understudy

import (
	"regexp"
	"strings"
)

// secretSetting matches names under which teams keep secrets in a server's settings.
var secretSetting = regexp.MustCompile(`(?i)secret|passw|token|credential|private|api_?key|jwt`)

// SecretSetting tells whether a server's setting is a secret by its name: one that a team has
// made for itself, with a dot in it, and named like a secret. A twin never has it.
func SecretSetting(name string) bool {
	return strings.Contains(name, ".") && secretSetting.MatchString(name)
}

// SecretSettingOf tells the same of an object of a schema, as "role app setting shop.api_key".
func SecretSettingOf(object string) bool {
	words := strings.Fields(object)
	return len(words) > 1 && (words[0] == "setting" || words[0] == "role") && SecretSetting(words[len(words)-1])
}
