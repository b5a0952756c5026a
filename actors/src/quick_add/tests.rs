use super::*;
#[test]
fn nothing() {
    let now = Timestamp(1_794_992_400_000);
    let zone = chrono_tz::Europe::Berlin;
    let mut on = false;
    for line in include_str!("phrases.txt").lines() {
        if line.starts_with('[') {
            on = line == "[nothing]";
            continue;
        }
        if !on || line.is_empty() || line.starts_with("# ") && line.len() > 20 {
            continue;
        }
        for text in [line.to_owned(), format!("ask Ann, {line}"), format!("{line} with Ann")] {
            let q = quick_add(&text, now, zone);
            let q2 = QuickAdd {
                title: text.split_whitespace().collect::<Vec<_>>().join(" "),
                due: None,
                due_at: None,
                recurrence: None,
                tags: vec![],
                priority: None,
                reminders: vec![],
                spans: vec![],
            };
            if q != q2 {
                println!(
                    "BAD {text:?}: {:?} {:?} {:?} {:?} {:?}",
                    q.due.map(|d| d.to_string()),
                    q.recurrence.map(|r| r.to_string()),
                    q.title,
                    q.tags,
                    q.reminders
                );
            }
        }
    }
}
