package main

import (
	"strings"

	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/web"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
)

// sites looks at what chat pages need of the program around them.
func (r *report) sites(c *config.Config) {
	root := "/" // of the first one
	for _, b := range c.Bridges {
		section, ok := b.Config.(*web.Config)
		if !ok {
			continue
		}
		if root == "" {
			root = "/chat/" + b.Name
		}
		r.found("bridges."+b.Name, fault.Finding{OK: true,
			What: "on this machine people talk to " + b.Default.Avatar + " at http://" + control.Reachable(c.Server.Listen) + root})
		if root = ""; len(section.Origins) > 0 {
			r.found("bridges."+b.Name, framed(c.Server.PublicURL))
		}
	}
}

// framed says whether browsers let the page keep its cookie in a frame of another site.
func framed(publicURL string) fault.Finding {
	if strings.HasPrefix(publicURL, "https://") {
		return fault.Finding{OK: true, What: "other sites show it from " + publicURL}
	}
	return fault.Finding{What: "origins lets other sites show the page, but browsers keep no cookie there without https: nobody could be answered",
		Fix: "set server.public_url to the https address of this program, or take origins out"}
}
