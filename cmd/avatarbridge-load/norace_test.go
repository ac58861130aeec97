//go:build !race

package main

// buildFlags make programs of what the other tests have compiled already.
var buildFlags []string
