package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/store"
)

// welcome says in one line what is up and what can be done with it, and in another what an operator has paused.
func (s *service) welcome(ctx context.Context, st store.Store, public, admin net.Addr) error {
	paused, err := control.Local{Store: st}.Paused(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "avatarbridge is up: %s · health http://%s/readyz · %s\n", s.pages("http://"+visitable(public)), visitable(admin), s.cast())
	if said := pauses(paused); said != "" {
		fmt.Fprintf(s.out, "Messages are taken, but %s\n", said)
	}
	return nil
}

// pages says where people can talk; without a web bridge, where one sees what runs. The address is the program's own on this machine.
func (s *service) pages(address string) string {
	if s.config.Server.PublicURL != "" {
		address = s.config.Server.PublicURL
	}
	var found []string
	for _, b := range s.config.Bridges {
		switch {
		case b.Platform != webPlatform:
		case found == nil:
			found = append(found, "talk to "+b.Default.Avatar+" at "+address+"/")
		default:
			found = append(found, "to "+b.Default.Avatar+" at "+address+"/chat/"+b.Name)
		}
	}
	if found == nil {
		return "page " + address + "/"
	}
	return strings.Join(found, ", ")
}

// cast says who answers where.
func (s *service) cast() string {
	var parts []string
	for _, b := range s.config.Bridges {
		parts = append(parts, fmt.Sprintf("%s (%s, avatar %s)", b.Name, b.Platform, b.Default.Avatar))
	}
	if parts == nil {
		return "no bridge yet: talk to an avatar with `avatarbridge chat`, or add one to config.toml"
	}
	return "bridges " + strings.Join(parts, ", ")
}

// visitable is an address as one opens it on this machine.
func visitable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return a.String()
}
