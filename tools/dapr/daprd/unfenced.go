package main

import (
	"context"

	"github.com/dapr/components-contrib/state"
	postgresql "github.com/dapr/components-contrib/state/postgresql/v2"
	"github.com/dapr/kit/logger"
)

// unfenced is PostgreSQL without the one thing that keeps a stale host from overwriting: it writes whatever the row is. Only
// tools/tests/test_fence.py names it (type state.unfenced), to show that its harness finds a lost update. No other daprd has it.
type unfenced struct{ *postgresql.PostgreSQL }

func newUnfenced(log logger.Logger) state.Store {
	return unfenced{postgresql.NewPostgreSQLStateStore(log).(*postgresql.PostgreSQL)}
}

func (u unfenced) Set(ctx context.Context, asked *state.SetRequest) error {
	request := *asked
	request.ETag, request.Options.Concurrency = nil, state.LastWrite
	return u.PostgreSQL.Set(ctx, &request)
}
