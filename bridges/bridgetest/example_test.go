package bridgetest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// A program without a *testing.T drives a bridge, here played by a plain HTTP call, against the simulator.
func ExampleNewTelegram() {
	tg, err := bridgetest.NewTelegram(bridgetest.TelegramOptions{Limits: bridgetest.RealLimits()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tg.Close()
	bot, anna := tg.AddBot(bridgetest.BotOptions{Name: "Luna"}), tg.AddUser("Anna")
	chat := tg.Direct(anna, bot)
	tg.Write(bridgetest.Line{Chat: chat, From: anna, Text: "Hello"})

	go func() { // the bridge: api_url is tg.URL(), the token bot.Token
		resp, err := http.PostForm(tg.URL()+"/bot"+bot.Token+"/sendMessage", url.Values{
			"chat_id": {chat.Channel()}, "text": {"<b>Hello</b>, Anna!"}, "parse_mode": {"HTML"},
		})
		if err == nil {
			_ = resp.Body.Close()
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	post, err := tg.WaitPost(ctx, func(p bridgetest.Post) bool { return p.Chat == chat.ID })
	fmt.Println(post.Text, post.Entities, err)
	// Output: Hello, Anna! [{bold 0 5  }] <nil>
}
