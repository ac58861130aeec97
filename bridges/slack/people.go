package slack

import (
	"context"
	"errors"
	"time"

	slackapi "github.com/slack-go/slack"
)

const (
	freshFor = time.Hour      // what is known of a person is asked again after that
	staleFor = 24 * time.Hour // and used meanwhile for at most that
)

// A profile is what Slack says of a person.
type profile struct {
	known      bool // false: Slack does not say, or knows no such person
	name       string
	team       string
	enterprise string
	locale     string
	bot        bool
	guest      bool // a guest, or of another organisation
	admin      bool
}

// tenant is where the person's id is unique.
func (p *profile) tenant() string {
	if p.enterprise != "" {
		return p.enterprise
	}
	return p.team
}

// askPerson asks once who somebody is. A refusal to say so is an answer.
func (l *listener) askPerson(ctx context.Context, id string) (*profile, error) {
	x, err := l.call(ctx, "users.info", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.GetUserInfoContext(ctx, id)
		return err
	})
	switch {
	case denied(err):
		return &profile{guest: true}, nil
	case err != nil:
		return nil, err
	}
	var said struct {
		User user `json:"user"`
	}
	if err := decode(x.body, &said); err != nil {
		return nil, errors.New("users.info: the answer cannot be read")
	}
	return said.User.profile(&l.me), nil
}

// user is a user of Slack's.
type user struct {
	ID       string `json:"id"`
	Team     string `json:"team_id"`
	Handle   string `json:"name"`
	RealName string `json:"real_name"`
	Profile  struct {
		DisplayName string `json:"display_name"`
		RealName    string `json:"real_name"`
	} `json:"profile"`
	Admin      bool   `json:"is_admin"`
	Owner      bool   `json:"is_owner"`
	Restricted bool   `json:"is_restricted"`
	Ultra      bool   `json:"is_ultra_restricted"`
	Stranger   bool   `json:"is_stranger"`
	Bot        bool   `json:"is_bot"`
	Workflow   bool   `json:"is_workflow_bot"`
	Connector  bool   `json:"is_connector_bot"`
	Locale     string `json:"locale"`
	Enterprise struct {
		ID string `json:"enterprise_id"`
	} `json:"enterprise_user"`
}

func (u *user) profile(me *self) *profile {
	p := &profile{
		known: true, team: u.Team, enterprise: u.Enterprise.ID, locale: u.Locale, bot: u.Bot || u.Workflow || u.Connector || u.ID == "USLACKBOT",
		admin: u.Admin || u.Owner,
	}
	for _, name := range []string{u.Profile.DisplayName, u.RealName, u.Profile.RealName, u.Handle} {
		if p.name == "" {
			p.name = name
		}
	}
	ours := u.Team == me.Team || me.Enterprise != "" && u.Enterprise.ID == me.Enterprise
	p.guest = u.Restricted || u.Ultra || u.Stranger || !ours
	return p
}
