package config_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"unicode/utf16"

	"understudy"
	"understudy/internal/config"
)

func wide(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

func zipOf(t *testing.T, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	entry, err := w.Create("inner/App.class")
	if err == nil {
		_, err = entry.Write([]byte(content))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

func gzipOf(t *testing.T, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(content)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadsOf_TellsAKeyThatNothingReadsAndIsSilentWhereItCannotKnow(t *testing.T) {
	const padding = 300 << 10 // more than one piece
	for name, c := range map[string]struct {
		key     string
		files   map[string]string
		app     understudy.Application
		more    []string // other keys
		command string
		want    understudy.ReadState
	}{
		"by its name in a program":       {key: "PAGE_SIZE", files: map[string]string{"bin/web": "\x7fELF\x00PAGE_SIZE\x00"}, want: understudy.ReadFound},
		"across two pieces":              {key: "PAGE_SIZE", files: map[string]string{"bin/web": strings.Repeat("x", padding-200) + "PAGE_SIZE" + strings.Repeat("x", 40<<10)}, want: understudy.ReadFound},
		"at the edge of a piece":         {key: "PAGE_SIZE", files: map[string]string{"bin/web": strings.Repeat("x", 256<<10+14) + "PAGE_SIZE"}, want: understudy.ReadFound},
		"written another way":            {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "app.yaml": "page-size: 1"}, want: understudy.ReadFound},
		"as one word":                    {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "app.py": "settings.pageSize"}, want: understudy.ReadFound},
		"in UTF-16":                      {key: "PAGE_SIZE", files: map[string]string{"bin/web": wide("PAGE_SIZE")}, want: understudy.ReadFound},
		"in an archive in an archive":    {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "app.jar": zipOf(t, zipOf(t, "PAGE_SIZE"))}, want: understudy.ReadFound},
		"in a compressed file":           {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "app.gz": gzipOf(t, "PAGE_SIZE")}, want: understudy.ReadFound},
		"in a command":                   {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x"}, command: "exec web --size $PAGE_SIZE", want: understudy.ReadFound},
		"by another value":               {key: "HOST_NAME", files: map[string]string{"bin/web": "x"}, app: understudy.Application{Services: []understudy.Service{{Command: []string{"bin/web"}, Env: map[string]string{"URL": "http://${HOST_NAME}"}}}}, want: understudy.ReadFound},
		"by nothing":                     {key: "PAGE_SIZE", files: map[string]string{"bin/web": "\x7fELF other"}, want: understudy.ReadNowhere},
		"in its declaration alone":       {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "understudy.yaml": "PAGE_SIZE", ".env.example": "PAGE_SIZE=1", "README.md": "PAGE_SIZE", "compose.yaml": "PAGE_SIZE"}, want: understudy.ReadNowhere},
		"handed on to itself":            {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x"}, app: understudy.Application{Services: []understudy.Service{{Command: []string{"bin/web"}, Env: map[string]string{"PAGE_SIZE": "${PAGE_SIZE}"}}}}, want: understudy.ReadNowhere},
		"beside what cannot be seen":     {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "app.zst": "\x28\xb5\x2f\xfd..."}, want: understudy.ReadUntold},
		"beside a packed program":        {key: "PAGE_SIZE", files: map[string]string{"bin/web": "\x7fELF\x00UPX!"}, want: understudy.ReadUntold},
		"beside a broken archive":        {key: "PAGE_SIZE", files: map[string]string{"bin/web": "x", "a.zip": "PK\x03\x04 broken"}, want: understudy.ReadUntold},
		"in an archive behind a program": {key: "PAGE_SIZE", files: map[string]string{"bin/web": "#!/usr/bin/env python3\n" + zipOf(t, strings.Repeat("PAGE_SIZE ", 99))}, want: understudy.ReadUntold},
		"packed by PyInstaller":          {key: "PAGE_SIZE", files: map[string]string{"bin/web": "\x7fELF\x00x\x9c..MEI\x0c\x0b\x0a\x0b\x0e" + strings.Repeat("\x00", 80)}, want: understudy.ReadUntold},
		"of an interpreter":              {key: "PYTHONUNBUFFERED", files: map[string]string{"bin/web": "x"}, want: understudy.ReadUntold},
		"of the run-time system":         {key: "GOMAXPROCS", files: map[string]string{"bin/web": "x"}, want: understudy.ReadUntold},
		"of a library":                   {key: "PGSSLMODE", files: map[string]string{"bin/web": "x"}, want: understudy.ReadUntold},
		"that only looks like those":     {key: "GOLD_PRICE", files: map[string]string{"bin/web": "x"}, want: understudy.ReadNowhere},
		"under a program elsewhere":      {key: "PAGE_SIZE", files: map[string]string{"app.js": "x"}, app: understudy.Application{Services: []understudy.Service{{Command: []string{"node", "app.js"}}}}, want: understudy.ReadUntold},
		"declared, under such a program": {key: "PAGE_SIZE", files: map[string]string{"app.js": "x"}, app: understudy.Application{Config: []understudy.ConfigKey{{Key: "PAGE_SIZE"}}, Services: []understudy.Service{{Command: []string{"node", "app.js"}}}}, want: understudy.ReadNowhere},
		"put together of parts":          {key: "SHOP_PAGES", more: []string{"SHOP_DEBUG"}, files: map[string]string{"bin/web": "prefix shop. pages debug"}, want: understudy.ReadUntold},
		"put together by the name":       {key: "SHOP_PAGES", files: map[string]string{"bin/web": "shop. pages"}, app: understudy.Application{Name: "shop"}, want: understudy.ReadUntold},
		"not put together, as others":    {key: "SHOP_PAGES", more: []string{"SHOP_DEBUG"}, files: map[string]string{"bin/web": "shop. pages SHOP_DEBUG"}, want: understudy.ReadNowhere},
		"without parts to put together":  {key: "SHOP_PAGES", more: []string{"SHOP_DEBUG"}, files: map[string]string{"bin/web": "other"}, want: understudy.ReadNowhere},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.files)
			artifact, err := config.Tree(dir)
			if err != nil {
				t.Fatal(err)
			}
			if c.app.Services == nil {
				c.app.Services = []understudy.Service{{Command: []string{"bin/web", c.command}}}
			}
			release := understudy.Release{Artifact: artifact, Application: c.app}
			if got := config.ReadsOf(dir, release, append([]string{c.key}, c.more...)).Of(c.key); got.State != c.want || got.How == "" {
				t.Errorf("%s is %s (%s), expected %s", c.key, got.State, got.How, c.want)
			}
		})
	}
}
