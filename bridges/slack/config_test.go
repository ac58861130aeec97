package slack

import (
	"strings"
	"testing"
)

func TestARouteWithANameInPlaceOfAnIDIsAFault(t *testing.T) {
	for _, id := range []string{"C0123456789", "T01"} {
		if got := RoomFault(id); got != "" {
			t.Errorf("%s: %s", id, got)
		}
	}
	for _, name := range []string{"#general", "general", "@mygroup"} {
		if got := RoomFault(name); !strings.Contains(got, "is a name; routes need the id") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheRemedyForAPlatformOutOfReachDependsOnWhoWroteItsAddress(t *testing.T) {
	c := Default()
	if got := c.unreached(); !strings.Contains(got, "reaches the internet") {
		t.Error(got)
	}
	c.APIURL = "https://example.org"
	if got := c.unreached(); !strings.Contains(got, "see whether api_url is right") {
		t.Error(got)
	}
}
