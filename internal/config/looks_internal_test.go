package config

import "testing"

func TestLooksSecret_GoesByWholeWordsOfTheName(t *testing.T) {
	for key, want := range map[string]bool{
		"SESSION_KEY": true, "DB_PASSWORD": true, "SSH_PRIVATE_KEY": true, "DEPLOY_PRIVATE": true, "TLS_PRIVATEKEY": true,
		"FETCHER_ALLOW_PRIVATE_NETWORKS": false, "PRIVATE_SUBNETS": false, "PAGE_SIZE": false, "PASSWORD_LENGTH": false,
	} {
		if got := looksSecret(key); got != want {
			t.Errorf("%s: found %v, expected %v", key, got, want)
		}
	}
}
