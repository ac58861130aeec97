package markup_test

import (
	"strings"
	"testing"

	"avatarbridge/bridges/markup"
)

var formats = map[string]markup.Format{
	"telegram": markup.Telegram{}, "web": markup.Web{}, "discord": markup.Discord{}, "slack": markup.Slack{}, "slack markdown": markup.SlackMarkdown{},
}

func BenchmarkReply(b *testing.B) {
	for name, text := range map[string]string{
		"short": "Hello there! How are **you** today? I have been thinking about what you said about `code`, and it made me smile.",
		"long":  strings.Repeat("A paragraph of *some* words with a [link](https://example.com/a) and so on.\n\n- one\n- two\n\n", 1100),
	} {
		for of, format := range formats {
			b.Run(of+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for _, p := range markup.Fit(text, format) {
						if len(format.Write(p)) == 0 {
							b.Fatal("an empty piece")
						}
					}
				}
			})
		}
	}
}
