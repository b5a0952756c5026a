//! What `tickler --help` says below the flags: every variable, examples, exit codes.

/// The text.
pub(super) const TEXT: &str = "\
Configuration:
  Every flag has a variable; the flag wins. A variable that begins with TICKLER_ and is none of
  these stops the start, as does a bad value; the line on stderr names it.

  Where it runs
    TICKLER_BIND               where to listen (127.0.0.1:8000)
    TICKLER_DATA_DIR           the folder that holds the data (the platform's data folder)
    TICKLER_RUNTIME            embedded, or dapr
    TICKLER_ROLE               all, gateway or actors (the last two with dapr)
    TICKLER_ZONE               the zone of users who have set none (UTC)
    DATABASE_URL               PostgreSQL for audit, search and live messages
    KAFKA_BROKERS              with dapr: host:port,…; a sidecar that started without Kafka is
                               told to start again when one of them answers
    TICKLER_PUBLIC_URL         how the world reaches this server
    TICKLER_ALLOWED_HOSTS      TICKLER_ALLOWED_ORIGINS (or CORS_ORIGINS): beside loopback and the
                               public URL
    TICKLER_OUTBOUND_ALLOW     networks that webhooks may reach although they are not public
    TICKLER_RATE_USER          requests/seconds of one user (1000/10); 0 turns every rate off
    TICKLER_GATE_MS            how long an answer waits for the log (20)

  Who may ask
    TICKLER_AUTH               jwt or dev. Dev is the default where no JWT setting is present:
                               whoever reaches a loopback address is the user `dev`
    TICKLER_JWKS               the public keys of your tokens: a URL or a file
    TICKLER_JWT_SECRET         or one shared secret for HS256, at least 32 bytes
    TICKLER_JWT_ISSUER         TICKLER_JWT_AUDIENCE  TICKLER_JWT_ALGS  TICKLER_JWT_SUBJECT_CLAIM
    TICKLER_LIVE_QUERY_TOKEN   on or off: whether old clients may bring a token in a stream's query
    BETTER_AUTH_URL            BETTER_AUTH_SECRET: read as those where they are not set

  What it says
    TICKLER_LOG_FORMAT         text or json
    TICKLER_LOG_LEVEL          error, warn, info, debug or trace (info)
    OTEL_EXPORTER_OTLP_ENDPOINT  where traces go

  Mail and chat
    TICKLER_SMTP_URL           TICKLER_MAIL_FROM: reminders by e-mail
    TICKLER_CHAT_URL           TICKLER_CHAT_MODEL  TICKLER_CHAT_KEY (or OPENAI_API_KEY,
                               GROQ_API_KEY): chat by an OpenAI-compatible API

  With dapr
    DAPR_HTTP_PORT             DAPR_GRPC_PORT  DAPR_API_TOKEN  APP_API_TOKEN: the sidecar
    DAPR_PUBSUB_NAME           TICKLER_STATE_STORE  TICKLER_SECRET_STORE: its components
    TICKLER_TOPIC_PREFIX       TICKLER_TOPICS  TICKLER_SUBSCRIPTIONS: names of topics
    TICKLER_SIDECAR_BIND       where the sidecar's routes listen

  For tests
    TICKLER_TEST_CLOCK         1: the clock can be set at /dev/clock (loopback only)

Examples:
  tickler                                    serve on 127.0.0.1:8000, as the user dev
  tickler --bind 127.0.0.1:9000 --data ./data
  TICKLER_JWKS=https://id.example/jwks TICKLER_PUBLIC_URL=https://todo.example \\
    tickler --bind 0.0.0.0:8000 --log-format json
  curl -X POST localhost:8000/api/v1/tasks -H 'content-type: application/json' \\
    -d '{\"title\":\"Water the plants\",\"due_date\":\"2026-11-21\",\"recurrence\":\"weekly\"}'
  tickler export --all --output backup.jsonl
  tickler import reminders.ics --dry-run
  tickler token create --user ann --name laptop --expires 90

Exit codes:
  0  done
  1  refused: the answer is a no, and stderr or the answer says why
  2  called wrongly: the flag, argument or variable is named
  3  unavailable: a file, a port or a server cannot be had; try again
";
