//! One table of questions, which every database answers alike.

use actors::message::{event::CloudEvent, time::Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::views::{Archived, Views, testing::on_both};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// What a user has: title, description, and what became of it.
const TASKS: &[(&str, &str, &str)] = &[
    ("Ring the café", "", "task.created"),
    ("Water the garden", "then call the CAFÉ owner", "task.updated"),
    ("Call the gardener", "about the roses", "task.completed"),
    ("Read o'neil \"quoted\" -not OR (this) a&b|c:*", "", "task.created"),
    ("買い物リスト", "東京へ行く", "task.created"),
    ("ΟΔΟΣ", "Straße, İstanbul, naïve résumé", "task.created"),
    ("Old café", "", "task.archived"),
    ("Gone café", "", "task.deleted"),
    ("1e5 007 3.14 v2", "", "task.created"),
    ("é", "a one-letter word", "task.created"),
];

/// Which of them a question finds, best first, by their place in [`TASKS`]; deleted ones are the filter's business.
const TABLE: &[(&str, &[u64])] = &[
    ("cafe", &[6, 7, 0, 1]),
    ("CAFÉ", &[6, 7, 0, 1]),
    ("cafe\u{301}", &[6, 7, 0, 1]),
    ("caf ring", &[0]),
    ("garden", &[1, 2]),
    ("gardener", &[2]),
    ("call garden", &[2, 1]),
    ("call garden roses", &[2]),
    ("arden", &[]),
    ("o'neil \"quoted", &[3]),
    ("-not OR (this)", &[3]),
    ("a & b | c:*", &[3]),
    ("東京", &[4]),
    ("リスト", &[4]),
    ("οδος", &[5]),
    ("strasse", &[5]),
    ("straße istanbul", &[5]),
    ("NAIVE resume", &[5]),
    ("007 1e5", &[8]),
    ("3.14", &[8]),
    ("e", &[9]),
    ("zzq", &[]),
    ("", &[]),
    ("!?", &[]),
];

fn event(user: &str, n: usize, (title, description, kind): (&str, &str, &str)) -> CloudEvent {
    let sequence = n as u64 + 1;
    let description = if description.is_empty() { Value::Null } else { json!(description) };
    let deleted = (kind == "task.deleted").then_some("2027-01-14T00:00:00.000Z");
    serde_json::from_value(json!({
        "id": format!("{user}-{n}"), "type": kind, "partitionkey": user, "index": "0",
        "time": "2027-01-01T00:00:00.000Z", "sequence": format!("{sequence:020}"),
        "actor": format!("TaskListActor/{user}"),
        "data": {
            "user_id": user, "sequence": sequence, "task_id": uuid::Uuid::from_u128(n as u128),
            "number": n, "title": title, "description": description, "status": "pending", "priority": null,
            "tags": [], "due_date": null, "zone": null, "recurrence": null, "recurrence_id": null,
            "occurrence": null, "reminders": [], "position": "a0", "created_at": "2027-01-01T00:00:00.000Z",
            "updated_at": "2027-01-01T00:00:00.000Z", "completed_at": null, "deleted_at": deleted,
            "version": sequence,
        },
    }))
    .unwrap()
}

/// The numbers of what a question finds, best first: the same whether its list is held or not.
async fn numbers(views: &Views, user: &str, question: &str, archived: Archived) -> Vec<u64> {
    let wanted = wanted(question);
    if wanted.is_empty() {
        return Vec::new();
    }
    let bodies = views.found(user, &wanted, archived, (NOW, 100)).await.unwrap();
    let read = best(Found::among(bodies, &wanted), None, 100);
    let question = Question { user, wanted: &wanted, archived, now: NOW };
    let held = Lists::holding(user).find(views, &question).await.unwrap();
    assert_eq!(best(held, None, 100), read, "{wanted:?}");
    read.0
}

/// Numbers and scores of the best.
fn best(
    mut found: Found,
    after: Option<Place>,
    limit: usize,
) -> (Vec<u64>, Vec<f64>, Option<Place>) {
    let next = found.best(after, limit, 100);
    let (numbers, scores) = found.matches.iter().map(|one| (one.task.number, one.score)).unzip();
    (numbers, scores, next)
}

async fn every_question_finds_what_it_should(views: &Views) {
    for user in ["ann", "bob"] {
        let events: Vec<_> =
            TASKS.iter().enumerate().map(|(n, task)| event(user, n, *task)).collect();
        views.apply(&events, None, NOW).await.unwrap();
    }
    for (question, expected) in TABLE {
        assert_eq!(numbers(views, "ann", question, Archived::Too).await, *expected, "{question}");
    }
    assert_eq!(numbers(views, "ann", "cafe", Archived::Only).await, [6]);
    assert!(numbers(views, "eve", "cafe", Archived::Too).await.is_empty());
}

async fn what_is_found_is_what_a_task_says_now(views: &Views) {
    let long = "ä".repeat(5_000);
    let first = [event("ann", 0, ("Bread", &long, "task.created"))];
    views.apply(&first, None, NOW).await.unwrap();
    assert_eq!(numbers(views, "ann", "bread", Archived::Too).await, [0]);
    assert_eq!(numbers(views, "ann", &"a".repeat(100), Archived::Too).await, [0]);
    let mut renamed = event("ann", 0, ("Butter", "", "task.updated"));
    renamed.id = "later".to_owned();
    renamed.sequence = Some(format!("{:020}", 9));
    renamed.data["version"] = json!(9);
    views.apply(&[renamed], None, NOW).await.unwrap();
    assert!(numbers(views, "ann", "bread", Archived::Too).await.is_empty());
    assert_eq!(numbers(views, "ann", "butt", Archived::Too).await, [0]);
}

async fn what_can_no_longer_be_restored_is_forgotten(views: &Views) {
    let gone = [event("ann", 0, ("Gone", "", "task.deleted"))];
    views.apply(&gone, None, NOW).await.unwrap();
    assert_eq!(numbers(views, "ann", "gone", Archived::Too).await, [0]);
    views.forget_deleted(Timestamp(NOW.0 + 31 * 86_400_000)).await.unwrap();
    assert!(numbers(views, "ann", "gone", Archived::Too).await.is_empty());
}

on_both! {
    every_question_finds_what_it_should
    what_is_found_is_what_a_task_says_now
    what_can_no_longer_be_restored_is_forgotten
    a_list_that_is_held_shows_what_was_written_since
}

/// Many tasks of one user, changed while they are searched.
async fn a_list_that_is_held_shows_what_was_written_since(views: &Views) {
    let lists = Lists::default();
    let found = async |q: &str| {
        let wanted = wanted(q);
        let question = Question { user: "ann", wanted: &wanted, archived: Archived::Too, now: NOW };
        best(lists.find(views, &question).await.unwrap(), None, 10_000).0.len()
    };
    let many: Vec<_> =
        (0..1_200).map(|n| event("ann", n, ("Water the garden", "", "task.created"))).collect();
    views.apply(&many[..900], None, NOW).await.unwrap();
    assert_eq!((found("garden").await, lists.holds("ann")), (900, false));
    views.apply(&many[900..], None, NOW).await.unwrap();
    assert_eq!((found("gard").await, lists.holds("ann")), (1_200, true));
    for version in [2_000, 2_001] {
        let title = if version == 2_000 { "Paint the fence" } else { "Paint the garden" };
        let mut changed = event("ann", 7, (title, "", "task.updated"));
        changed.id = format!("later-{version}");
        changed.sequence = Some(format!("{version:020}"));
        changed.data["version"] = json!(version);
        views.apply(&[changed], None, NOW).await.unwrap();
        let fences = usize::from(version == 2_000);
        assert_eq!((found("garden").await, found("fence").await), (1_200 - fences, fences));
    }
}

#[test]
fn a_page_by_relevance_follows_the_one_before() {
    let body = |number: usize, title: &str| -> Arc<str> {
        let event = event("ann", number, (title, "", "task.created"));
        crate::views::task_of(&event.data).to_string().into()
    };
    let found = || {
        let titles = ["planning", "plan", "plan", "a plan"].into_iter().enumerate();
        let bodies = titles.map(|(n, title)| body(n + 1, title)).collect();
        Found::among(bodies, &wanted("plan"))
    };
    let (first, _, place) = best(found(), None, 3);
    assert_eq!(first, [2, 3, 4]);
    let (second, _, end) = best(found(), place, 3);
    assert_eq!((second, end), (vec![1], None));
}
