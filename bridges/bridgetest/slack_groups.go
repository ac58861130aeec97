package bridgetest

import "slices"

// slackGroup is a user group of a workspace.
type slackGroup struct {
	id    string
	team  *SlackTeam
	users []string
}

// AddGroup makes a user group of a workspace and returns its id.
func (s *Slack) AddGroup(team *SlackTeam, users ...*SlackUser) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &slackGroup{id: s.id("S"), team: team}
	for _, u := range users {
		g.users = append(g.users, u.ID)
	}
	s.groups = append(s.groups, g)
	return g.id
}

// listGroups is usergroups.list. With the token of an app that is installed on an enterprise it must be told of which workspace.
func (s *Slack) listGroups(c *slackCall) *slackAnswer {
	team := c.app.Team.ID
	if c.app.enterprise {
		if team = c.p.text("team_id"); team == "" {
			return slackFailure("missing_argument")
		}
	}
	list := []any{}
	for _, g := range s.groups {
		if g.team.ID != team {
			continue
		}
		wire := map[string]any{"id": g.id, "team_id": team, "is_usergroup": true, "name": g.id, "handle": g.id, "date_delete": 0}
		if c.p.truth("include_users") {
			wire["users"] = slices.Clone(g.users)
		}
		list = append(list, wire)
	}
	return slackGood(map[string]any{"usergroups": list})
}
