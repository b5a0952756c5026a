//! Lists, page by page.

use super::{Step::*, *};

/// Which reminders, how many in all, and whether there is more.
fn list(state: &Reminders, query: Query, sequence: u64) -> (Vec<u128>, usize, Option<String>) {
    let key = key();
    match state.answer(&query, &moment(&key, 0, sequence)) {
        Ok(Answer::List { reminders, count, next }) => {
            (reminders.iter().map(|it| it.id.as_u128()).collect(), count, next)
        }
        other => panic!("{other:?}"),
    }
}

fn page(status: &[Status], limit: usize, cursor: Option<String>) -> Query {
    Query::List { status: status.to_vec(), task: None, from: None, to: None, limit, cursor }
}

/// Reminders 1 to 5 at 50, 40, 30, 20 and 10 seconds, the last of another task; 4 and 5 have fired.
fn five() -> Reminders {
    let mut state = Reminders::default();
    let set: Vec<_> = (1..=4).map(|n| fixed(n, 60 - 10 * n as i64)).collect();
    play(&mut state, 0, 1, &Hear(open(&set)));
    play(&mut state, 0, 2, &Hear(Moments { task: id(7), ..open(&[fixed(5, 10)]) }));
    play(&mut state, 20, 3, &Wake(20));
    state
}

#[test]
fn a_list_shows_the_soonest_first_and_counts_all_that_match() {
    use Status::{Acknowledged, Pending, Triggered};
    let state = five();
    let second = |s: i64| Some(Timestamp(s * 1000));
    let all = |status: &[Status], task: Option<u128>, from, to| Query::List {
        status: status.to_vec(),
        task: task.map(id),
        from,
        to,
        limit: 100,
        cursor: None,
    };
    let rows: [(Query, &[u128]); 10] = [
        (all(&[], None, None, None), &[5, 4, 3, 2, 1]),
        (all(&[Pending], None, None, None), &[3, 2, 1]),
        (all(&[Triggered, Pending], None, None, None), &[5, 4, 3, 2, 1]),
        (all(&[Acknowledged], None, None, None), &[]),
        (all(&[], Some(7), None, None), &[5]),
        (all(&[Pending], Some(1001), None, None), &[3, 2, 1]),
        (all(&[], Some(8), None, None), &[]),
        (all(&[], None, second(20), second(40)), &[4, 3, 2]),
        (all(&[Pending], None, second(40), None), &[2, 1]),
        (all(&[], None, second(40), second(20)), &[]),
    ];
    for (query, want) in rows {
        let (got, count, next) = list(&state, query.clone(), 3);
        assert_eq!((got.as_slice(), count, next), (want, want.len(), None), "{query:?}");
    }
}

#[test]
fn pages_join_without_gap_or_repetition_while_rows_move() {
    let mut state = five();
    let (first, count, next) = list(&state, page(&[], 2, None), 3);
    assert_eq!((first, count), (vec![5, 4], 5));
    // Shown already, and would come again; not shown yet, and stands still.
    play(&mut state, 21, 4, &snooze(5, 1));
    let (second, count, next) = list(&state, page(&[], 2, next), 4);
    assert_eq!((second, count), (vec![3, 2], 5));
    let (third, _, next) = list(&state, page(&[], 2, next), 4);
    assert_eq!((third, next), (vec![1], None));
}

#[test]
fn a_cursor_is_bound_to_its_filter() {
    let key = key();
    let state = five();
    let next = list(&state, page(&[], 2, None), 3).2.unwrap();
    let other = page(&[Status::Pending], 2, Some(next.clone()));
    let broken = page(&[], 2, Some(format!("0{next}")));
    let foreign = Query::Inbox { unread: false, limit: 2, cursor: Some(next.clone()) };
    let inbox = |unread, cursor| Query::Inbox { unread, limit: 1, cursor };
    let Ok(Answer::Inbox { next: Some(at), unread, .. }) =
        state.answer(&inbox(false, None), &moment(&key, 0, 3))
    else {
        panic!()
    };
    assert_eq!(unread, 2);
    for query in [
        other,
        broken,
        foreign,
        inbox(true, Some(at)),
        page(&[], 2, Some(String::new())),
        page(&[], 2, Some("-".to_owned())),
        page(&[], 2, Some("x".to_owned())),
    ] {
        let refused = state.answer(&query, &moment(&key, 0, 3)).unwrap_err();
        assert_eq!(refused.slug, Slug::InvalidCursor, "{query:?}");
    }
    // The size of a page is no part of the filter.
    assert_eq!(list(&state, page(&[], 9, Some(next)), 3).0, [3, 2, 1]);
}

#[test]
fn the_inbox_shows_the_newest_first() {
    let key = key();
    let mut state = five();
    let inbox = |state: &Reminders, unread, limit, cursor| {
        let query = Query::Inbox { unread, limit, cursor };
        match state.answer(&query, &moment(&key, 0, 3)) {
            Ok(Answer::Inbox { notifications, unread, next }) => {
                let of = |it: &Notification| it.reminder_id.unwrap().as_u128();
                (notifications.iter().map(of).collect::<Vec<_>>(), unread, next)
            }
            other => panic!("{other:?}"),
        }
    };
    let (first, unread, next) = inbox(&state, false, 1, None);
    assert_eq!((first, unread), (vec![4], 2));
    // One that comes meanwhile is above.
    play(&mut state, 30, 4, &Wake(30));
    let (second, unread, next) = inbox(&state, false, 1, next);
    assert_eq!((second, unread, next), (vec![5], 3, None));
    let entry = state.inbox.below(u64::MAX).next().unwrap().1.id;
    play(&mut state, 31, 5, &Ask(Command::Read { notification: entry }));
    assert_eq!(inbox(&state, true, 9, None), (vec![4, 5], 2, None));
    assert_eq!(inbox(&state, false, 9, None), (vec![3, 4, 5], 2, None));
}

#[test]
fn everything_is_every_reminder() {
    let key = key();
    let all = five().answer(&Query::Everything, &moment(&key, 0, 3));
    assert!(matches!(all, Ok(Answer::Everything(all)) if all.len() == 5));
    let none = five().answer(&Query::Reminder { reminder: id(9) }, &moment(&key, 0, 3));
    assert_eq!(none.unwrap_err().slug, Slug::NotFound);
}
