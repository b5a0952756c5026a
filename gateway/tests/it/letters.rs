//! What stands in the log and cannot be read: set aside, mended, and then it has its effect once.

use std::path::Path;

use serde_json::Value;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{program::Program, trail::tickler};

const CREATED: &str = "/api/v1/audit?event_type=task.created";

/// Writes a copy of the newest event into the log, as no version of us could have.
async fn poison(folder: &Path) {
    let options = SqliteConnectOptions::new().filename(folder.join("tickler.db"));
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    let newest = "SELECT offset, events FROM log ORDER BY offset DESC LIMIT 1";
    let (offset, events): (i64, Vec<u8>) =
        sqlx::query_as(newest).fetch_one(&mut file).await.unwrap();
    let mut events: Value = serde_json::from_slice(&events).unwrap();
    events[0]["id"] = "6f1e9f2e-0b3b-4a55-9a43-7d7a0a6f3c11".into();
    events[0]["fact"]["topic"] = "elsewhere".into();
    let bytes = serde_json::to_vec(&Value::Array(vec![events[0].clone()])).unwrap();
    let write = sqlx::query("INSERT INTO log (offset, events) VALUES (?, ?)");
    write.bind(offset + 1).bind(bytes).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_set_aside_mended_and_replayed_once() {
    let mut server = Program::start().await;
    if server.is_deployed() {
        return;
    }
    let (code, said) = tickler(&server, &["dlq", "list"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    server.post("/api/v1/tasks", serde_json::json!({"title": "One"})).await.expect(201);
    assert_eq!(server.get(CREATED).await.expect(200)["total"], 1);
    server.kill();
    poison(server.data_dir()).await;
    server.start_again();
    server.post("/api/v1/tasks", serde_json::json!({"title": "Two"})).await.expect(201);
    assert_eq!(server.get(CREATED).await.expect(200)["total"], 2, "the others go on");
    let metrics = String::from_utf8(server.get("/metrics").await.bytes).unwrap();
    assert!(metrics.contains("tickler_dlq_total{topic=\"log\"} 1"), "{metrics}");
    assert_eq!(server.get("/ready").await.expect(200)["checks"]["views"]["ok"], true);

    let (_, said) = tickler(&server, &["dlq", "list"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let id = said.split_whitespace().next().unwrap().to_owned();
    let (code, said) = tickler(&server, &["dlq", "replay", &id]);
    assert_eq!((code, said.contains("mend it")), (Some(1), true), "{said}");
    let (code, said) = tickler(&server, &["dlq", "show", &id]);
    assert_eq!((code, said.contains("unknown variant")), (Some(0), true), "{said}");
    let event: Value =
        serde_json::Deserializer::from_str(&said).into_iter().next().unwrap().unwrap();
    let mended = event.to_string().replace("elsewhere", "task-events");
    let file = server.data_dir().join("mended.json");
    std::fs::write(&file, mended).unwrap();
    let replay = ["dlq", "replay", &id, "--event", file.to_str().unwrap()];
    assert_eq!(tickler(&server, &replay).0, Some(0));
    assert_eq!(server.get(CREATED).await.expect(200)["total"], 3);
    let (code, said) = tickler(&server, &replay);
    assert_eq!((code, said.contains("was replayed before")), (Some(1), true), "{said}");
    assert_eq!(server.get(CREATED).await.expect(200)["total"], 3);
    assert_eq!(tickler(&server, &["dlq", "list"]).1, "");
    assert!(tickler(&server, &["dlq", "list", "--all"]).1.contains("replayed"));
    assert_eq!(tickler(&server, &["dlq", "drop", &id]).0, Some(1));
    assert_eq!(tickler(&server, &["dlq", "drop", "nothing"]).0, Some(1));
    assert_eq!(tickler(&server, &["dlq", "drop"]).0, Some(2));
    let (code, said) = tickler(&server, &["audit", "verify"]);
    assert_eq!((code, said.contains("dev: 3 entries, whole")), (Some(0), true), "{said}");
}
