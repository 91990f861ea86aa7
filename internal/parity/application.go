package parity

import (
	"fmt"
	"strconv"
	"time"

	"understudy"
)

// runsOutSoon is when a certificate that is still there becomes a gap.
const runsOutSoon = 14 * 24 * time.Hour

func (m *meter) application() {
	m.blinded(m.a.Unseen, m.b.Unseen)
	m.text(understudy.GapRelease, "release", m.a.Release, m.b.Release, "")
	m.texts(understudy.GapComponent, m.a.Components, m.b.Components, plain, "")
	m.texts(understudy.GapRuntime, m.a.Runtime, m.b.Runtime, plain, "")
	for _, service := range keys(m.a.Instances, m.b.Instances) {
		m.text(understudy.GapInstances, service, times(m.a.Instances[service]), times(m.b.Instances[service]), "")
	}
	if len(m.a.Limits) > 0 && len(m.b.Limits) > 0 { // both have a front door of ours
		m.texts(understudy.GapLimit, m.a.Limits, m.b.Limits, plain, "")
	}
	m.texts(understudy.GapFlag, m.a.Flags, m.b.Flags, plain, "")
}

func times(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (m *meter) machine() {
	a, b := m.a.Machine, m.b.Machine
	if a.Processors > 0 && b.Processors > 0 {
		m.number(understudy.GapProcessor, "processors", float64(a.Processors), float64(b.Processors), 0, func(n float64) string { return fmt.Sprintf("%.0f", n) })
	}
	for _, one := range []struct {
		kind, name string
		a, b       int64
	}{{understudy.GapMemory, "memory", a.Memory, b.Memory}, {understudy.GapDisk, "disk", a.Disk, b.Disk}, {understudy.GapDisk, "disk free", a.Free, b.Free}} {
		if one.a > 0 && one.b > 0 {
			m.number(one.kind, one.name, float64(one.a), float64(one.b), 0, gigabytes)
		}
	}
}

func gigabytes(bytes float64) string { return fmt.Sprintf("%.1f GB", bytes/1e9) }

func (m *meter) config() {
	if m.blind[understudy.GapConfiguration] {
		return
	}
	for _, key := range keys(m.a.Config, m.b.Config) {
		a, b := m.a.Config[key], m.b.Config[key]
		switch {
		case a == "" || b == "":
			m.text(understudy.GapConfiguration, key, a, b, "")
		case m.a.Unique[key] || m.b.Unique[key]:
			m.credential(key, a, b)
		case a == b:
			m.same(understudy.GapConfiguration)
		default:
			m.gap(understudy.GapConfiguration, key, a, b, 1./3, "")
		}
	}
}

// credential turns the comparison round: equal is the gap.
func (m *meter) credential(key, a, b string) {
	if a == b {
		m.gap(understudy.GapCredential, key, a, b+" (equal, and must differ)", 1, "")
		return
	}
	m.gap(understudy.GapCredential, key, a, b, 1, "a credential that must differ")
}

// outside compares what the application reaches, and what reaches it.
func (m *meter) outside() {
	for _, name := range keys(m.a.Integrations, m.b.Integrations) {
		m.text(understudy.GapIntegration, name, m.a.Integrations[name], m.b.Integrations[name], m.because("sealed: calls of a twin are caught"))
	}
	for _, host := range keys(m.a.Certificates, m.b.Certificates) {
		a, b := m.a.Certificates[host], m.b.Certificates[host]
		m.text(understudy.GapCertificate, host, m.shown(a), m.shown(b), m.because("a twin's front door has certificates of its own"))
	}
}

// shown is a certificate as it is compared: when it ends matters where that is soon.
func (m *meter) shown(c Certificate) string {
	if c.Hosts == "" {
		return ""
	}
	out := c.Hosts + " by " + c.Issuer
	if left := c.Until.Sub(m.at); left < runsOutSoon && !c.Until.IsZero() {
		out += fmt.Sprintf(", %d days left", int(left.Hours()/24))
	}
	return out
}
