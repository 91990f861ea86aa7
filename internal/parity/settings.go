package parity

import (
	"slices"
	"strings"

	"understudy"
)

// settings compares those that are not default on one side at least. One that only a
// superuser sees is compared where both sides let it be seen.
func (m *meter) settings(database string, a, b Database) {
	for _, name := range keys(a.Settings, b.Settings) {
		x, had := a.Settings[name]
		y, has := b.Settings[name]
		if x.Default && y.Default || !had && (a.Hides || y.Default) || !has && (b.Hides || x.Default) {
			continue
		}
		m.text(understudy.GapSetting, database+" "+name, x.Value, y.Value, m.ownSetting(name, x.Category+y.Category))
	}
}

// ownSetting is why a setting may differ: every server has its place, and a twin's is a
// private one besides, sized for its machine. What plans depend on is never among these.
func (m *meter) ownSetting(name, category string) string {
	if slices.Contains(ofPlace(), name) || strings.Contains(category, "File Locations") {
		return "where a server is and what it is called is its own"
	}
	if !m.twin {
		return ""
	}
	if slices.Contains(ofTwins(), name) || slices.ContainsFunc(categoriesOfTwins(), func(part string) bool { return strings.Contains(category, part) }) {
		return "a twin's server is a private one, with connections, logs and a size of its own"
	}
	return ""
}

func ofPlace() []string {
	return []string{
		"port", "listen_addresses", "unix_socket_directories", "unix_socket_group", "unix_socket_permissions", "cluster_name", "log_directory", "log_filename",
		"ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file", "ssl_crl_dir", "ssl_dh_params_file", "primary_conninfo", "primary_slot_name", "bonjour_name",
		"stats_temp_directory", "event_source",
	}
}

// ofTwins are settings by which a twin differs beside whole categories of them.
func ofTwins() []string {
	return []string{
		"shared_buffers", "huge_pages", "shared_memory_type", "dynamic_shared_memory_type", "max_files_per_process",
		"deadlock_timeout", "lc_messages", "shared_preload_libraries", "track_activity_query_size", "track_io_timing", "track_wal_io_timing",
	}
}

func categoriesOfTwins() []string {
	return []string{
		"Connections and Authentication", "Reporting and Logging", "Write-Ahead Log", "Replication", "Background Writer", "Cost-Based Vacuum Delay",
		"Error Handling", "Preset Options", "Developer Options", "Kernel Resources", "Usage / Disk", "Monitoring", "Process Title",
	}
}
