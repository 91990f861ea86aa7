package featureflag

import "testing"

func TestVersionsAreReadAsSemverSays(t *testing.T) {
	for written, strict := range map[string]bool{
		"1.2.3": true, "0.0.0": true, "1.2.3-rc.1": true, "1.2.3+build.01": true, "1.2.3-0a.b-c+x-y": true, "1.2.3--": true, "10.20.30": true,
		"": false, "1": false, "1.2": false, "1.2.3.4": false, "01.2.3": false, "1.02.3": false, "1.2.3-": false, "1.2.3-01": false, "1.2.3+": false,
		"1.2.3-a..b": false, "1.2.3-ä": false, "v1.2.3": false, "+1.2.3": false, "1.2.-3": false, "1.2.3 ": false, "1.2.99999999999999999999": false,
	} {
		if _, got := parseStrict(written); got != strict {
			t.Errorf("%q: expected a version: %v", written, strict)
		}
	}
	for written, lenient := range map[any]bool{"v1.2.3": true, "V1": true, "1.2": true, 1.0: true, 1.5: true, " 1.2.3 ": true, "v": false, "1.": false, "one": false, true: false, nil: false} {
		if _, got := parseVersion(written); got != lenient {
			t.Errorf("%v: expected to be taken for a version: %v", written, lenient)
		}
	}
}

func TestVersionsComeInTheOrderOfSemver(t *testing.T) {
	ascending := []string{"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0"}
	for i, a := range ascending {
		for j, b := range ascending {
			x, _ := parseStrict(a)
			y, _ := parseStrict(b)
			if got := x.compare(y); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s and %s: got %d", a, b, got)
			}
		}
	}
}
