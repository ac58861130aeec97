package bridgetest

import "net/http"

// ongoing returns the interaction of a webhook's URL, or why its token is none; needs d.mu.
func (d *Discord) ongoing(c *discordCall) (*DiscordInteraction, *discordAnswer) {
	in := d.calls[c.path("token")]
	switch {
	case in == nil || in.Bot.ApplicationID != c.path("app"):
		return nil, dFailure(http.StatusUnauthorized, 50027, "Invalid Webhook Token")
	case d.Now().Sub(in.At) > d.opt.TokenLife:
		return nil, dFailure(http.StatusUnauthorized, 50027, "Invalid Webhook Token")
	case !in.answered:
		return nil, dFailure(http.StatusNotFound, 10015, "Unknown Webhook")
	}
	c.bot = in.Bot
	return in, nil
}

// answerOf finds the message of a webhook's URL, which must be one of the interaction's; needs d.mu.
func (d *Discord) answerOf(c *discordCall) (*DiscordInteraction, *dMessage, *discordAnswer) {
	in, refused := d.ongoing(c)
	if refused != nil {
		return nil, nil, refused
	}
	id := c.path("message")
	if id == "@original" {
		id = in.original
	}
	m := in.Channel.byID[id]
	if m == nil || m.Interaction == nil || m.Interaction.ID != in.ID {
		return nil, nil, unknownMessage()
	}
	return in, m, nil
}

// followUp is "Create Followup Message". Right after a deferred response it edits that, as the documentation says.
func (d *Discord) followUp(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, refused := d.ongoing(c)
	if refused != nil {
		return refused
	}
	m, refused := c.readDraft(ViaFollowUp)
	if refused != nil {
		return refused
	}
	if in.deferred {
		return d.fulfil(c, in, in.Channel.byID[in.original])
	}
	m.channel, m.call = in.Channel, in
	w, post := d.post(m)
	a := dGood(d.show(w, in.Channel, in.Bot, true))
	a.post = post
	return a
}

// fulfil edits an answer of an interaction; needs d.mu.
func (d *Discord) fulfil(c *discordCall, in *DiscordInteraction, old *dMessage) *discordAnswer {
	if old == nil {
		return unknownMessage()
	}
	w, refused := d.change(c, in.Channel, old, ViaFollowUp)
	if refused != nil {
		return refused
	}
	if w.ID == in.original {
		in.deferred = false
	}
	a := dGood(d.show(w, in.Channel, in.Bot, true))
	a.post = d.log.find(w.ID)
	return a
}

// editFollowUp is "Edit Original Interaction Response" and "Edit Followup Message".
func (d *Discord) editFollowUp(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, m, refused := d.answerOf(c)
	if refused != nil {
		return refused
	}
	return d.fulfil(c, in, m)
}

// getFollowUp is "Get Original Interaction Response" and "Get Followup Message".
func (d *Discord) getFollowUp(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, m, refused := d.answerOf(c)
	if refused != nil {
		return refused
	}
	return dGood(d.show(m, in.Channel, in.Bot, true))
}

// deleteFollowUp is "Delete Original Interaction Response" and "Delete Followup Message".
func (d *Discord) deleteFollowUp(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, m, refused := d.answerOf(c)
	if refused != nil {
		return refused
	}
	if m.ID == in.original {
		in.deferred = false
	}
	d.drop(in.Channel, m)
	return dDone()
}
