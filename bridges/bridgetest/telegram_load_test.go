package bridgetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

// BenchmarkTelegram measures a message that is written, polled, confirmed and answered, with 64 senders at a time. The client's half is
// part of the figure.
func BenchmarkTelegram(b *testing.B) {
	tg, err := bridgetest.NewTelegram(bridgetest.TelegramOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer tg.Close()
	bot := tg.AddBot(bridgetest.BotOptions{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	post := func(method, body string) []byte {
		resp, err := client.Post(tg.URL()+"/bot"+bot.Token+"/"+method, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			b.Error(err)
			return nil
		}
		defer func() { _ = resp.Body.Close() }()
		raw, _ := io.ReadAll(resp.Body)
		return raw
	}
	var lines []bridgetest.Line
	for i := range 1000 {
		u := tg.AddUser(fmt.Sprint("Person ", i))
		lines = append(lines, bridgetest.Line{Chat: tg.Direct(u, bot), From: u, Text: "Hello there, how are you today?"})
	}
	b.ReportAllocs()
	b.ResetTimer()
	jobs := make(chan int64, 1000)
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for chat := range jobs {
				post("sendMessage", fmt.Sprintf(`{"chat_id":%d,"text":"<b>Fine</b>, thank you","parse_mode":"HTML"}`, chat))
			}
		})
	}
	go func() {
		for i := range b.N {
			tg.Write(lines[i%len(lines)])
		}
	}()
	for offset, seen := int64(0), 0; seen < b.N; {
		var r struct {
			Result []struct {
				ID      int64 `json:"update_id"`
				Message struct{ Chat struct{ ID int64 } }
			}
		}
		if json.Unmarshal(post("getUpdates", fmt.Sprintf(`{"offset":%d,"timeout":50}`, offset)), &r) != nil {
			b.Fatal("no updates")
		}
		for _, u := range r.Result {
			seen, offset = seen+1, u.ID+1
			jobs <- u.Message.Chat.ID
		}
	}
	close(jobs)
	senders.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	if n := tg.PostCount(); n < b.N {
		b.Errorf("%d posts for %d messages", n, b.N)
	}
}
