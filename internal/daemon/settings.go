package daemon

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/rehearsal"
)

// Compare says what the candidate needs and what both environments hold.
func (s *stage) Compare(context.Context) (rehearsal.Comparison, error) {
	target := s.d.held(s.target)
	own, _, err := s.d.environment(s.env.Name)
	if err != nil {
		return rehearsal.Comparison{}, err
	}
	onTwin := s.d.held(own)
	app := s.candidate.Application
	return rehearsal.Comparison{
		Environment: s.target.Name, Twin: s.env.Name, Needs: app.Needs(), Declared: app.Config,
		Was: s.baseline.Application.Config, Target: target, OnTwin: onTwin,
	}, nil
}

// held is what an environment has for each key, as prints. A secret that cannot be read is
// not held: its absence is what the check is about.
func (d *Daemon) held(e understudy.Environment) map[string]rehearsal.Held {
	out := map[string]rehearsal.Held{}
	for key, value := range e.Env {
		out[key] = rehearsal.Held{Print: d.print(key, value), Empty: value == ""}
	}
	for key, ref := range e.Secrets {
		value, err := config.Secret(ref)
		if err == nil {
			out[key] = rehearsal.Held{Print: d.print(key, value), Empty: value == ""}
		}
	}
	return out
}

// print is a keyed digest of a value: equal values have equal prints, and nothing else can
// be told from them.
func (d *Daemon) print(key, value string) string {
	mac := hmac.New(sha256.New, d.printKey)
	mac.Write([]byte(key + "\x00" + value))
	return hex.EncodeToString(mac.Sum(nil))[:12]
}
