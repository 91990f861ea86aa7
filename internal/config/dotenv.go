package config

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"understudy"
)

// dollar stands for a dollar sign while godotenv reads, so that it leaves ${KEY} to us:
// it would put in only what stands in the same file, and drop the rest.
const dollar = "\uE000"

// readEnvFile reads KEY=value lines as godotenv does. Its own errors quote the file,
// and may so show a secret; they are replaced by the number of the line.
func readEnvFile(file, shown string) (map[string]string, error) {
	content, err := readText(file, shown)
	if err != nil {
		return map[string]string{}, err
	}
	values, err := godotenv.Unmarshal(strings.ReplaceAll(string(content), "$", dollar))
	if err != nil {
		return map[string]string{}, understudy.Errorf(understudy.KindInvalid,
			"reading %s: expected lines KEY=value, found something else %s", shown, firstBadLine(content))
	}
	for key, value := range values {
		values[key] = strings.ReplaceAll(value, dollar, "$")
	}
	return values, nil
}

func firstBadLine(content []byte) string {
	for i, line := range bytes.Split(content, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if _, err := godotenv.Unmarshal(string(line) + "\n"); err != nil {
			return "on line " + number(i+1)
		}
	}
	return "in it"
}

// sorted is the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
