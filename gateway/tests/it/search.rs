//! Finding tasks by their words.

use serde_json::{Value, json};

use crate::program::Program;

async fn find(server: &Program, query: &str) -> Value {
    server.get(&format!("/api/v1/search?{query}")).await.expect(200)
}

fn titles(found: &Value) -> Vec<&str> {
    let results = found["results"].as_array().unwrap().iter();
    results.map(|result| result["task"]["title"].as_str().unwrap()).collect()
}

/// The text of a highlight, by UTF-16 units.
fn marked(result: &Value, n: usize) -> String {
    let mark = &result["highlights"][n];
    let text = result["task"][mark["field"].as_str().unwrap()].as_str().unwrap();
    let units: Vec<u16> = text.encode_utf16().collect();
    let at = |name: &str| usize::try_from(mark[name].as_u64().unwrap()).unwrap();
    String::from_utf16(&units[at("start")..at("end")]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_by_prefix_without_case_or_diacritics_title_first() {
    let server = Program::start().await;
    for (title, description) in [
        ("Ring the café", ""),
        ("Water the garden", "🌱 then call the CAFÉ owner"),
        ("Call the gardener", "about the roses"),
        ("Read o'neil \"quoted\" -not OR (this)", ""),
        ("買い物リスト", "東京へ行く"),
    ] {
        let body = json!({"title": title, "description": description});
        server.post("/api/v1/tasks", body).await.expect(201);
    }
    for (q, expected) in [
        ("cafe", vec!["Ring the café", "Water the garden"]),
        ("CAF%C3%89", vec!["Ring the café", "Water the garden"]),
        ("gard", vec!["Water the garden", "Call the gardener"]),
        ("garden", vec!["Water the garden", "Call the gardener"]),
        ("call+garden", vec!["Call the gardener", "Water the garden"]),
        ("garden+call+the+roses", vec!["Call the gardener"]),
        ("arden", vec![]),
        ("O%27Neil+%22quoted", vec!["Read o'neil \"quoted\" -not OR (this)"]),
        ("-not+OR+(this)", vec!["Read o'neil \"quoted\" -not OR (this)"]),
        ("%E6%9D%B1%E4%BA%AC", vec!["買い物リスト"]),
        ("!!!", vec![]),
        ("nothing*", vec![]),
    ] {
        let found = find(&server, &format!("q={q}")).await;
        assert_eq!(titles(&found), expected, "{q}");
        assert_eq!(
            (&found["total"], &found["next_cursor"]),
            (&json!(expected.len()), &Value::Null)
        );
    }
    let found = find(&server, "q=cafe").await;
    assert_eq!(marked(&found["results"][0], 0), "café");
    assert_eq!(marked(&found["results"][1], 0), "CAFÉ");
    let scores = [&found["results"][0]["score"], &found["results"][1]["score"]].map(Value::as_f64);
    assert!(scores[0] > scores[1] && scores[1] > Some(0.0), "{scores:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_takes_every_filter_sort_and_cursor_of_lists() {
    let server = Program::start().await;
    let mut tasks = Vec::new();
    for (n, priority) in ["low", "high", "urgent", "high", "low"].into_iter().enumerate() {
        let body = json!({
            "title": format!("Plan {n}"), "priority": priority, "tags": [if n % 2 == 0 { "even" } else { "odd" }],
            "due_date": format!("2027-03-0{}", n + 1),
        });
        tasks.push(server.post("/api/v1/tasks", body).await.expect(201));
    }
    for (filter, expected) in [
        ("priority=high", vec!["Plan 1", "Plan 3"]),
        ("tags=even&priority=low,urgent", vec!["Plan 0", "Plan 2", "Plan 4"]),
        ("due_date_from=2027-03-04", vec!["Plan 3", "Plan 4"]),
        ("due_date=2027-03-02", vec!["Plan 1"]),
        ("search=PLAN+3", vec!["Plan 3"]),
        ("status=completed", vec![]),
        ("overdue=true", vec![]),
        ("sort=priority&priority=urgent,high", vec!["Plan 2", "Plan 1", "Plan 3"]),
        ("sort=title&order=desc&limit=2", vec!["Plan 4", "Plan 3"]),
        ("archived=true", vec![]),
        ("deleted=true", vec![]),
    ] {
        let query = format!("q=plan&min_version={}&{filter}", tasks[4]["version"]);
        assert_eq!(titles(&find(&server, &query).await), expected, "{filter}");
    }
    for sort in ["", "&sort=relevance", "&sort=due_date&order=asc"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = find(&server, &format!("q=plan&limit=2{sort}{cursor}")).await;
            assert_eq!(page["total"], 5);
            seen.extend(titles(&page).into_iter().map(str::to_owned));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
            assert_eq!(
                server.get(&format!("/api/v1/search?q=other{sort}{cursor}")).await.expect(400)["code"],
                "invalid-cursor"
            );
        }
        assert_eq!(seen, ["Plan 0", "Plan 1", "Plan 2", "Plan 3", "Plan 4"], "{sort}");
    }
    let path = format!("/api/v1/tasks/{}", tasks[0]["id"].as_str().unwrap());
    let moved = server.patch(&path, json!({"title": "Scheme"})).await.expect(200);
    let found = find(&server, &format!("q=sch&min_version={}", moved["version"])).await;
    assert_eq!((&found["results"][0]["task"], &found["version"]), (&moved, &moved["version"]));
    assert_eq!(find(&server, "q=plan").await["total"], 4);
    server.delete(&path).await.expect(204);
    assert_eq!(find(&server, "q=scheme").await["total"], 0);
    assert_eq!(titles(&find(&server, "q=scheme&deleted=true").await), ["Scheme"]);
    for wrong in ["", "q=", "q=x&limit=101", "q=x&sort=luck", "q=x&bogus=1"] {
        server.get(&format!("/api/v1/search?{wrong}")).await.expect(422);
    }
    let long = "x".repeat(201);
    assert_eq!(
        server.get(&format!("/api/v1/search?q={long}")).await.expect(422)["errors"][0]["code"],
        "invalid"
    );
    assert_eq!(
        server.get("/api/v1/search?q=x&min_version=999999").await.expect(503)["code"],
        "view-behind"
    );
}
