//! A start while the database is away.

use std::{net::TcpListener, process::Stdio, time::Duration};

use serde_json::Value;

use crate::program::tickler;

/// Longest wait for the first answer, in steps of 100 ms.
const STEPS_MAX: usize = 300;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_start_without_its_database_waits_and_says_so() {
    let (folder, port, away) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let mut child = tickler()
        .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--data"])
        .arg(folder.path())
        .env("DATABASE_URL", format!("postgres://ann:hush@127.0.0.1:{away}/tickler"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut ready = None;
    for _ in 0..STEPS_MAX {
        match client.get(format!("{url}/ready")).send().await {
            Ok(answer) => {
                ready = Some(answer);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    let ready = ready.expect("it answers while it waits");
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(
        (&ready["status"], &ready["checks"]["views"]["ok"]),
        (&"not_ready".into(), &false.into())
    );
    let detail = ready["checks"]["views"]["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("PostgreSQL at 127.0.0.1:{away}")), "{detail}");
    assert_eq!(client.get(format!("{url}/health")).send().await.unwrap().status(), 200);
    let refused = client.get(format!("{url}/api/v1/tasks")).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "unavailable");
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    child.kill().unwrap();
    let said = child.wait_with_output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("does not answer"), "{said}");
    assert!(!said.contains("hush"), "{said}");
}
