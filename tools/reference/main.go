// Command reference is a task list on Dapr of the ordinary kind, to compare Tickler with: an actor per user whose whole list is one
// value of the actor state, saved by the SDK's transaction after each call; one publish per event; one actor reminder per task; the
// SDK's defaults everywhere. tools/stack runs it in the place of Tickler (--bin). It has no accounts, no views, no idempotency.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/dapr/go-sdk/actor"
	dapr "github.com/dapr/go-sdk/client"
	sidecar "github.com/dapr/go-sdk/service/http"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
)

var client dapr.Client

// Task and TaskList are exported because the SDK wants it.
type Task struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
	Reminders []struct {
		At time.Time `json:"remind_at"`
	} `json:"reminders,omitempty"`
}

type TaskList struct{ actor.ServerImplBaseCtx }

func (*TaskList) Type() string { return "TaskListActor" }

func (l *TaskList) tasks(ctx context.Context) (tasks []Task, err error) {
	if known, err := l.GetStateManager().Contains(ctx, "tasks"); err != nil || !known {
		return tasks, err
	}
	return tasks, l.GetStateManager().Get(ctx, "tasks", &tasks)
}

func (l *TaskList) Create(ctx context.Context, new *Task) (*Task, error) {
	tasks, err := l.tasks(ctx)
	if err != nil {
		return nil, err
	}
	new.ID, new.Status, new.CreatedAt = uuid.NewString(), "pending", time.Now().UTC()
	if err := l.GetStateManager().Set(ctx, "tasks", append(tasks, *new)); err != nil {
		return nil, err
	}
	for _, reminder := range new.Reminders {
		if err := client.RegisterActorReminder(ctx, &dapr.RegisterActorReminderRequest{
			ActorType: l.Type(), ActorID: l.ID(), Name: new.ID, DueTime: reminder.At.Format(time.RFC3339), Data: []byte(`"due"`),
		}); err != nil {
			return nil, err
		}
	}
	event := map[string]any{"user_id": l.ID(), "task": new}
	return new, client.PublishEvent(ctx, "pubsub-kafka", "todo.task-events", event)
}

func (l *TaskList) List(ctx context.Context, _ *Task) ([]Task, error) { return l.tasks(ctx) }

func (l *TaskList) ReminderCall(name string, _ []byte, _, _ string) {
	event := map[string]any{"user_id": l.ID(), "task_id": name}
	if err := client.PublishEvent(context.Background(), "pubsub-kafka", "todo.reminders", event); err != nil {
		log.Print(err)
	}
}

// call asks the actor of the user, through the sidecar, and passes its answer on.
func call(method string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked Task
		if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&asked) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		data, _ := json.Marshal(asked)
		answer, err := client.InvokeActor(r.Context(), &dapr.InvokeActorRequest{
			ActorType: "TaskListActor", ActorID: r.Header.Get("x-user"), Method: method, Data: data})
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer.Data)
	}
}

func main() {
	log.SetOutput(os.Stdout)
	inside := chi.NewRouter()
	taken := func(w http.ResponseWriter, r *http.Request) { // Bulks of events, and what the cron bindings say.
		var bulk struct {
			Entries []struct {
				ID string `json:"entryId"`
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&bulk)
		statuses := []map[string]string{}
		for _, entry := range bulk.Entries {
			statuses = append(statuses, map[string]string{"entryId": entry.ID, "status": "SUCCESS"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"statuses": statuses})
	}
	inside.Post("/events/*", taken)
	inside.HandleFunc("/{cron:cron-.+}", taken)
	service := sidecar.NewServiceWithMux(os.Getenv("TICKLER_SIDECAR_BIND"), inside)
	service.RegisterActorImplFactoryContext(func() actor.ServerContext { return &TaskList{} })
	go func() { log.Fatal(service.Start()) }() // The sidecar waits for it, and the client for the sidecar.

	var err error
	for client, err = dapr.NewClient(); err != nil; client, err = dapr.NewClient() {
		log.Print(err)
		time.Sleep(time.Second)
	}
	outside := chi.NewRouter()
	outside.Get("/ready", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("x-user", "ready")
		call("List", http.StatusOK)(w, r)
	})
	outside.Post("/api/v1/tasks", call("Create", http.StatusCreated))
	outside.Get("/api/v1/tasks", call("List", http.StatusOK))
	log.Fatal(http.ListenAndServe(os.Getenv("TICKLER_BIND"), outside))
}
