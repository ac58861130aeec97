// Command baseline is the bot that a Go programmer writes by hand in an afternoon, and avatarbridge is measured against: updates from the
// library's channel, a goroutine a message, one HTTP call to the avatar, one sendMessage. It is tuned honestly: both clients keep as many
// idle connections as it has goroutines at work. What is under way when it dies is lost.
//
// It is a program of its own, so that nothing of the load tool adds to its memory or its start.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

func main() {
	api := flag.String("api", "", "the Bot API server")
	token := flag.String("token", "", "the bot's token")
	avatar := flag.String("avatar", "", "where the avatar is asked")
	concurrency := flag.Int("concurrency", 1000, "messages at work at once, and idle connections")
	flag.Parse()
	if err := run(*api, *token, *avatar, *concurrency); err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

// newClient makes a client that keeps its connections.
func newClient(idle int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = idle, idle
	return &http.Client{Transport: t, Timeout: 2 * time.Minute}
}

func run(api, token, avatar string, concurrency int) error {
	bot, err := tgbotapi.NewBotAPIWithClient(token, api+"/bot%s/%s", newClient(concurrency))
	if err != nil {
		return fmt.Errorf("ask who the bot is: %w", err)
	}
	client := newClient(concurrency)
	slots := make(chan struct{}, concurrency)
	updates := tgbotapi.NewUpdate(0)
	updates.Timeout = 50
	for u := range bot.GetUpdatesChan(updates) {
		if u.Message == nil {
			continue
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			if err := answer(bot, client, avatar, u.Message); err != nil {
				log.Print(err)
			}
		}()
	}
	return nil
}

// answer asks the avatar and posts what it says.
func answer(bot *tgbotapi.BotAPI, client *http.Client, avatar string, m *tgbotapi.Message) error {
	turn, err := json.Marshal(map[string]string{"user_uid": strconv.FormatInt(m.From.ID, 10), "user_name": m.From.FirstName, "text": m.Text})
	if err != nil {
		return err
	}
	res, err := client.Post(avatar, "application/json", bytes.NewReader(turn))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var reply struct{ Text string }
	if res.StatusCode != http.StatusOK || json.Unmarshal(body, &reply) != nil || reply.Text == "" {
		return fmt.Errorf("the avatar answered with status %d", res.StatusCode)
	}
	_, err = bot.Send(tgbotapi.NewMessage(m.Chat.ID, reply.Text))
	return err
}
