//go:build race

package main

// buildFlags make programs of what the other tests have compiled already, and find races in them.
var buildFlags = []string{"-race"}
