package main

import (
	"fmt"
	"strings"

	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/web"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/server"
)

// sites looks at what chat pages need of the program around them.
func (r *report) sites(c *config.Config) {
	root := "/" // of the first one
	told := false
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
		if f, less := crowded(section, server.DefaultBounds(c.Server.Proxies)); less && !told {
			r.found("bridges."+b.Name, f)
			told = true
		}
	}
}

// crowded says that the system allows fewer connections than the section does. It is no fault: most pages never have so many.
func crowded(section *web.Config, b server.Bounds) (f fault.Finding, less bool) {
	switch {
	case section.MaxOpen > b.Connections:
		f.What = fmt.Sprintf("max_connections is %d, but the system lets the program hold %d connections", section.MaxOpen, b.Connections)
	case section.MaxPerAddress > b.PerAddress:
		f.What = fmt.Sprintf("max_per_address is %d, but of one address the program holds %d connections", section.MaxPerAddress, b.PerAddress)
	default:
		return f, false
	}
	f.OK = true
	f.What += ": for more, raise its limit of open files (LimitNOFILE of systemd, ulimit -n of a shell)"
	return f, true
}

// framed says whether browsers let the page keep its cookie in a frame of another site.
func framed(publicURL string) fault.Finding {
	if strings.HasPrefix(publicURL, "https://") {
		return fault.Finding{OK: true, What: "other sites show it from " + publicURL}
	}
	return fault.Finding{What: "origins lets other sites show the page, but browsers keep no cookie there without https: nobody could be answered",
		Fix: "set server.public_url to the https address of this program, or take origins out"}
}
