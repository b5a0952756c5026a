// Command load makes one kind of call from so many clients for so long, and prints what it saw as one line of JSON:
//
//	load URL SECRET create|remind|activate|long CLIENTS SECONDS
//	load URL SECRET fill CLIENTS TASKS
//
// create: tasks, each client those of one user. remind: the same, each with a reminder. activate: each call reads the tasks of a user
// whom nobody has asked for yet. long: as create, in lists that fill has made before.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

func token(user, secret string) string {
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part([]byte(`{"sub":"`+user+`","exp":4102444800}`))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + part(mac.Sum(nil))
}

func main() {
	url, secret, kind := os.Args[1], os.Args[2], os.Args[3]
	clients, _ := strconv.Atoi(os.Args[4])
	seconds, _ := strconv.Atoi(os.Args[5])
	run, end := strconv.FormatInt(time.Now().UnixNano(), 36), time.Now().Add(time.Duration(seconds)*time.Second)
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = clients
	method, body := "POST", `{"title":"Water the plants"}`
	switch kind {
	case "remind":
		body = `{"title":"Water the plants","reminders":[{"remind_at":"2031-01-01T09:00:00Z"}]}`
	case "activate":
		method, body = "GET", ""
	case "fill", "long":
		run = "long"
	}
	tasks := math.MaxInt
	if kind == "fill" {
		tasks, end = seconds, time.Now().Add(time.Hour)
	}
	var all []time.Duration
	var refused int
	var lock sync.Mutex
	var crew sync.WaitGroup
	for client := range clients {
		crew.Go(func() {
			user := fmt.Sprintf("%s-%d", run, client)
			bearer := token(user, secret)
			var took []time.Duration
			var failed int
			for n := 0; n < tasks && time.Now().Before(end); n++ {
				if kind == "activate" {
					user = fmt.Sprintf("%s-%d-%d", run, client, n)
					bearer = token(user, secret)
				}
				request, _ := http.NewRequest(method, url+"/api/v1/tasks", bytes.NewReader([]byte(body)))
				request.Header.Set("content-type", "application/json")
				request.Header.Set("authorization", "Bearer "+bearer)
				request.Header.Set("x-user", user) // all the identity that the reference has
				began := time.Now()
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					failed++
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				if answer.StatusCode >= 300 {
					failed++
					continue
				}
				took = append(took, time.Since(began))
			}
			lock.Lock()
			defer lock.Unlock()
			all, refused = append(all, took...), refused+failed
		})
	}
	crew.Wait()
	slices.Sort(all)
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(float64(len(all)-1)*share)].Microseconds()) / 1000
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"done": len(all), "refused": refused, "p50_ms": at(0.5), "p99_ms": at(0.99)})
}
