package understudy_test

import (
	"testing"

	"understudy"
)

func TestAnOriginIsWhatABrowserSends(t *testing.T) {
	for text, is := range map[string]bool{
		"https://shop.example.com": true, "http://localhost:3000": true, "http://[::1]:3000": true, "https://shop.example.com:8443": true,
		"*": false, "https://*.example.com": false, "https://shop.example.com/": false, "https://shop.example.com/a": false, "shop.example.com": false, "null": false, "": false,
		"https://Shop.example.com": false, "https://shop.example.com:443": false, "http://a:80": false, "https://ann:x@shop.example.com": false, "ftp://a": false, "https://bücher.example": false, "https://xn--bcher-kva.example": true, "https://a:": false,
	} {
		if understudy.IsOrigin(text) != is {
			t.Errorf("%q: expected %t", text, is)
		}
	}
}
