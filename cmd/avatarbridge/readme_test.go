package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/cmd/avatarbridge/internal/config"
)

func readme(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// blocks returns the fenced blocks of a language, as they are after pasting: without the indent of a list.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	fence := regexp.MustCompile("(?ms)^( *)```" + language + "\n(.*?)^ *```$")
	for _, m := range fence.FindAllStringSubmatch(readme(t), -1) {
		found = append(found, strings.ReplaceAll("\n"+m[2], "\n"+m[1], "\n"))
	}
	if len(found) == 0 {
		t.Fatalf("the README has no %s", language)
	}
	return found
}

// Each block is meant to be pasted at the end of what init writes: alone, and after all that stand before it.
func TestReadmeConfigurationsCanBeAppendedToTheDefaultOne(t *testing.T) {
	anything := func(name string) (string, bool) {
		switch {
		case strings.HasSuffix(name, "TELEGRAM_TOKEN"):
			return "123456:AAF-abcdefghijklmnopqrstuvwxyz012345", true
		case strings.HasSuffix(name, "SLACK_BOT_TOKEN"):
			return "xoxb-of-" + name, true
		case strings.HasSuffix(name, "SLACK_APP_TOKEN"):
			return "xapp-of-" + name, true
		}
		return "a-value-of-" + name, true
	}
	load := func(i int, document string) {
		c, err := config.Parse(fmt.Sprintf("block %d", i), t.TempDir(), []byte(document), kinds(), anything)
		if err != nil {
			t.Errorf("%v\n%s", err, document)
		} else if len(c.Warnings) > 0 {
			t.Errorf("warnings: %v\n%s", c.Warnings, document)
		}
	}
	all, bridge := string(config.Default), ""
	for i, block := range blocks(t, "toml") {
		all += "\n" + block
		load(i, all)
		if strings.Contains(block, "[[bridges.") {
			block = bridge + block // a part of the bridge before it
		} else if strings.Contains(block, "[bridges.") {
			bridge = block
		}
		load(i, string(config.Default)+"\n"+block)
	}
}

func TestReadmeNamesEveryMetric(t *testing.T) {
	dir, admin := demo(t)
	start(t, dir, admin)
	names := regexp.MustCompile(`(?m)^# HELP (avatarbridge_\w+)`).FindAllStringSubmatch(fetch(t, "http://"+admin+"/metrics"), -1)
	if len(names) < 4 {
		t.Fatalf("only the metrics %v", names)
	}
	for _, m := range names {
		if !strings.Contains(readme(t), "`"+m[1]+"`") {
			t.Errorf("the README has no %s", m[1])
		}
	}
}

func TestPublicAddressIsALineThatTheDefaultConfigurationHas(t *testing.T) {
	line := regexp.MustCompile("`(public_url = \"https://[^`]*)`").FindStringSubmatch(readme(t))
	there := regexp.MustCompile(`(?m)^public_url = ""`)
	if line == nil || !there.Match(config.Default) {
		t.Fatalf("the README has %v", line)
	}
	c, err := config.Parse("config.toml", t.TempDir(), there.ReplaceAll(config.Default, []byte(line[1])), kinds(), os.LookupEnv)
	if err != nil || c.Server.PublicURL == "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestDefaultConfigurationsExamplesHaveNoFaults(t *testing.T) {
	uncommented := regexp.MustCompile(`(?m)^# ((\[|[a-z_]+ = ).*)$`).ReplaceAllString(string(config.Default), "$1")
	vars := map[string]string{
		"TELEGRAM_TOKEN": "123456:AAF-abcdefghijklmnopqrstuvwxyz012345", "MINE_SECRET": "whsec_" + strings.Repeat("QUJD", 10),
		"VIRTUALS_API_KEY": "key", "VIRTUALS_API_SECRET": "secret",
	}
	c, err := config.Parse("config.toml", t.TempDir(), []byte(uncommented), kinds(), func(name string) (string, bool) {
		v, set := vars[name]
		return v, set
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Avatars) != 4 || len(c.Bridges) != 2 || len(c.Bridges[1].Routes) != 1 {
		t.Errorf("not all examples were read: %d avatars, %d bridges", len(c.Avatars), len(c.Bridges))
	}
}

// sectionHead is a heading of the reference, such as "#### `[avatars.NAME]` with `virtuals`".
var sectionHead = regexp.MustCompile("^#### `\\[([^]]+)\\]`(?: with `(\\w+)`)?$")

func TestReadmeReferenceHasExactlyTheKeysThatExist(t *testing.T) {
	row := regexp.MustCompile("^\\| `([a-z_]+)` \\|")
	documented := map[string][]string{}
	section := ""
	for line := range strings.Lines(readme(t)) {
		line = strings.TrimSpace(line)
		if m := sectionHead.FindStringSubmatch(line); m != nil {
			section = m[1] + " " + m[2]
		} else if strings.HasPrefix(line, "#") {
			section = ""
		} else if m := row.FindStringSubmatch(line); m != nil && section != "" {
			documented[section] = append(documented[section], m[1])
		}
	}
	existing := map[string][]string{}
	for _, s := range config.Sections(kinds()) {
		if len(s.Keys) > 0 {
			existing[s.Name+" "+s.Kind] = s.Keys
		}
	}
	for _, name := range slices.Sorted(maps.Keys(existing)) {
		slices.Sort(documented[name])
		if !slices.Equal(documented[name], existing[name]) {
			t.Errorf("[%s]: the README has %v, the program %v", name, documented[name], existing[name])
		}
	}
	for name := range documented {
		if existing[name] == nil {
			t.Errorf("[%s] is in the README and not in the program", name)
		}
	}
}

func TestReadmeNamesEveryCommand(t *testing.T) {
	help := runProgram(t, t.TempDir(), "", "--help").out
	commands := regexp.MustCompile(`(?m)^  ([a-z]+)`).FindAllStringSubmatch(help, -1)
	if len(commands) < 10 {
		t.Fatalf("no commands in %s", help)
	}
	for _, m := range commands {
		if !strings.Contains(readme(t), "`avatarbridge "+m[1]) {
			t.Errorf("the README has no %q", m[1])
		}
	}
}

func TestReadmeExampleServiceWorksAsPasted(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("AVATARBRIDGE_TEST_ALL") != "" {
			t.Fatal("python3 is not installed")
		}
		t.Skip("python3 is not installed, which the example needs")
	}
	dir, address := t.TempDir(), freeAddr(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	service := strings.Replace(blocks(t, "python")[0], "9000", port, 1)
	if err := os.WriteFile(filepath.Join(dir, "service.py"), []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	child := exec.CommandContext(ctx, python, "service.py")
	child.Dir = dir
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = child.Wait() }()
	eventually(t, "the example service to listen", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	var document string
	for _, block := range blocks(t, "toml") {
		if strings.Contains(block, `backend = "webhook"`) {
			document = strings.Replace(block, "9000", port, 1)
		}
	}
	writeFile(t, dir, "config.toml", document)
	if got := runProgram(t, dir, "Hello there\n", "chat", "mine"); got.code != ok || !strings.Contains(got.out, "You said: Hello there") {
		t.Errorf("%+v", got)
	}
}
