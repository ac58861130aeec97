package slack

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"
)

const (
	rollsFresh = 5 * time.Minute // who is in the user groups is asked again after that
	rollsStale = time.Hour       // and used meanwhile for at most that
)

// rolls say who is in those of a workspace's user groups that lists name.
type rolls struct {
	of     map[string][]string // by user
	denied error               // Slack does not say
}

// IsGroup reports whether an id of Slack's is one of a user group.
func IsGroup(id string) bool {
	return strings.HasPrefix(id, "S") && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" && len(id) > 1
}

// askGroups asks once who is in a workspace's user groups: in all of them at once, since few such questions are answered in a minute. A
// refusal to say so is an answer.
func (l *listener) askGroups(ctx context.Context, team string) (*rolls, error) {
	x, err := l.call(ctx, "usergroups.list", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.GetUserGroupsContext(ctx, slackapi.GetUserGroupsOptionIncludeUsers(true), slackapi.GetUserGroupsOptionTeamID(team))
		return err
	})
	switch {
	case denied(err):
		return &rolls{denied: err}, nil
	case err != nil:
		return nil, err
	}
	var said struct {
		Groups []struct {
			ID    string   `json:"id"`
			Users []string `json:"users"`
		} `json:"usergroups"`
	}
	if decode(x.body, &said) != nil {
		return nil, errors.New("usergroups.list: the answer cannot be read")
	}
	r := &rolls{of: map[string][]string{}}
	for _, g := range said.Groups {
		if !slices.Contains(l.cfg.Groups, g.ID) {
			continue
		}
		for _, user := range g.Users {
			r.of[user] = append(r.of[user], g.ID)
		}
	}
	return r, nil
}

// roles are the user groups that somebody is in. It is false when Slack does not say: then nobody can tell whether a list keeps them out, and
// they are not answered.
func (l *listener) roles(ctx context.Context, user, team string) (groups []string, known bool, err error) {
	if !l.me.OrgWide {
		team = "" // the token's own
	}
	r, err := l.groups.get(ctx, team)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, false, errors.New("it takes too long to learn in which user groups somebody is")
	case err != nil:
		return nil, false, err
	case r.denied != nil:
		if l.told.add("groups/" + team) {
			l.log.Error("allow or deny name a user group, and Slack does not say who is in it: nobody is answered", "error", r.denied)
		}
		return nil, false, nil
	}
	return r.of[user], true, nil
}

// workspace is the first id of a workspace, "" for none.
func workspace(ids []string) string {
	if i := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, "T") }); i >= 0 {
		return ids[i]
	}
	return ""
}
