package bridgetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// slackBlocks is what blocks say.
type slackBlocks struct {
	raw      json.RawMessage
	shown    string // their text, as it was sent
	markdown string // of the markdown blocks alone
	pings    []string
}

type slackBlock struct {
	Type    string            `json:"type"`
	BlockID string            `json:"block_id"`
	Text    json.RawMessage   `json:"text"`
	Fields  []slackTextObject `json:"fields"`
	Items   []json.RawMessage `json:"elements"`
	Image   string            `json:"image_url"`
	Alt     string            `json:"alt_text"`
}

type slackTextObject struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

var slackBlockTypes = []string{"actions", "context", "context_actions", "divider", "file", "header", "image", "input", "markdown", "rich_text",

	"section", "table", "video"}

// readSlackBlocks checks blocks as the Block Kit reference defines them. Nothing sent is no blocks.
func readSlackBlocks(raw string) (*slackBlocks, *slackAnswer) {
	if raw == "" || raw == "null" {
		return nil, nil
	}
	var list []slackBlock
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		return nil, slackFailure("invalid_blocks_format")
	}
	if len(list) == 0 {
		return nil, nil
	}
	b := &slackBlocks{raw: json.RawMessage(raw)}
	if len(list) > maxSlackBlocks {
		return nil, invalidSlackBlocks("no more than 50 items allowed [json-pointer:/blocks]")
	}
	ids := map[string]bool{}
	for i, block := range list {
		if problem := b.read(block); problem != "" {
			return nil, invalidSlackBlocks(fmt.Sprintf("%s [json-pointer:/blocks/%d]", problem, i))
		}
		if block.BlockID != "" && ids[block.BlockID] {
			return nil, invalidSlackBlocks(fmt.Sprintf("`block_id` already exists [json-pointer:/blocks/%d/block_id]", i))
		}
		ids[block.BlockID] = true
	}
	if utf16Len(b.markdown) > maxSlackMarkdown {
		return nil, slackFailure("msg_blocks_too_long")
	}
	b.shown = strings.TrimSuffix(b.shown, "\n")
	return b, nil
}

func invalidSlackBlocks(problem string) *slackAnswer {
	a := slackFailure("invalid_blocks")
	a.fields["errors"] = []string{problem}
	a.fields["response_metadata"] = map[string]any{"messages": []string{"[ERROR] " + problem}}
	return a
}

// read checks one block and returns what is wrong with it, "" for nothing.
func (b *slackBlocks) read(block slackBlock) string {
	if len(block.BlockID) > 255 {
		return "must be less than 256 characters"
	}
	switch block.Type {
	case "markdown":
		var text string
		if json.Unmarshal(block.Text, &text) != nil || text == "" {
			return "missing required field: text"
		}
		b.markdown += text
		b.shown += plainSlackMarkdown(text) + "\n"
		b.pings = append(b.pings, slackPings(withoutSlackCode(text))...)
	case "section":
		return b.section(block)
	case "header":
		return b.text(block.Text, 150, "plain_text")
	case "context", "actions", "context_actions":
		if len(block.Items) == 0 {
			return "missing required field: elements"
		}
		if block.Type == "context" {
			return b.context(block)
		}
	case "rich_text":
		if block.Items == nil {
			return "missing required field: elements"
		}
		b.rich(block.Items)
	case "image":
		if block.Image == "" || block.Alt == "" || utf16Len(block.Image) > 3_000 || utf16Len(block.Alt) > 2_000 {
			return "missing or too long field: image_url, alt_text"
		}
	default:
		if !slices.Contains(slackBlockTypes, block.Type) {
			return fmt.Sprintf("unsupported type: %s", block.Type)
		}
	}
	return ""
}

func (b *slackBlocks) section(block slackBlock) string {
	if len(block.Text) == 0 && len(block.Fields) == 0 {
		return "missing required field: text"
	}
	if len(block.Fields) > 10 {
		return "no more than 10 items allowed"
	}
	for _, f := range block.Fields {
		raw, err := json.Marshal(f)
		if err != nil {
			return "invalid field"
		}
		if problem := b.text(raw, 2_000, "plain_text", "mrkdwn"); problem != "" {
			return problem
		}
	}
	if len(block.Text) == 0 {
		return ""
	}
	return b.text(block.Text, maxSlackSection, "plain_text", "mrkdwn")
}

func (b *slackBlocks) context(block slackBlock) string {
	if len(block.Items) > 10 {
		return "no more than 10 items allowed"
	}
	for _, item := range block.Items {
		var o slackTextObject
		if json.Unmarshal(item, &o) == nil && o.Type != "image" {
			if problem := b.text(item, maxSlackSection, "plain_text", "mrkdwn"); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// text checks a text object.
func (b *slackBlocks) text(raw json.RawMessage, limit int, types ...string) string {
	var o slackTextObject
	if json.Unmarshal(raw, &o) != nil || !slices.Contains(types, o.Type) {
		return "failed to match all allowed schemas: text"
	}
	switch n := utf16Len(o.Text); {
	case n == 0:
		return "must be more than 0 characters"
	case n > limit:
		return fmt.Sprintf("must be less than %d characters", limit+1)
	}
	if o.Type == "mrkdwn" {
		b.pings = append(b.pings, slackPings(o.Text)...)
	}
	b.shown += o.Text + "\n"
	return ""
}

// rich collects the texts and the mentions of rich text.
func (b *slackBlocks) rich(items []json.RawMessage) {
	for _, item := range items {
		var e struct {
			Type  string            `json:"type"`
			Text  string            `json:"text"`
			User  string            `json:"user_id"`
			Range string            `json:"range"`
			Items []json.RawMessage `json:"elements"`
		}
		if json.Unmarshal(item, &e) != nil {
			continue
		}
		b.shown += e.Text
		if e.Type == "user" {
			b.pings = append(b.pings, e.User)
		}
		if e.Type == "broadcast" {
			b.pings = append(b.pings, e.Range)
		}
		b.rich(e.Items)
	}
}
