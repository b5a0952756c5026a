//! The tag registry.

use serde_json::json;

use super::world::*;
use crate::message::{
    rejection::Slug,
    task::{
        command::{Change, Command, Patch, Reply, Scope, TagUse},
        query::{Answer, Query},
    },
};

fn tagged(text: &str, tags: &[&str]) -> Patch {
    let tags = tags.iter().map(|name| tag(name)).collect();
    Patch { tags: Change::Set(tags), ..draft(text) }
}

fn uses(world: &World) -> Vec<(String, usize)> {
    match world.ask(&Query::Tags).unwrap() {
        Answer::Tags(tags) => {
            tags.into_iter().map(|tag| (tag.name.to_string(), tag.usage_count)).collect()
        }
        other => panic!("tags are answered, not {other:?}"),
    }
}

fn named(list: &[(&str, usize)]) -> Vec<(String, usize)> {
    list.iter().map(|(name, used)| ((*name).to_owned(), *used)).collect()
}

#[test]
fn usage_follows_tasks_that_are_not_deleted() {
    let mut world = World::new();
    let task = world.add(tagged("Buy milk", &["shop", "home"]));
    world.add(tagged("Clean", &["home"]));
    assert_eq!(uses(&world), named(&[("home", 2), ("shop", 1)]));
    world.one(delete(&task, Scope::Following)).unwrap();
    assert_eq!(uses(&world), named(&[("home", 1), ("shop", 0)]));
    world.one(restore(&task)).unwrap();
    world.one(complete(&task)).unwrap();
    assert_eq!(uses(&world), named(&[("home", 2), ("shop", 1)]));
}

#[test]
fn a_tag_is_put_on_and_taken_off() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    let command = |on| Command::Tag { task: id(&task), tag: tag("shop"), on, expect: None };
    for (on, told) in [(true, 1), (true, 0), (false, 1), (false, 0)] {
        world.tell(command(on)).unwrap();
        assert_eq!(world.told().len(), told);
    }
    assert_eq!(uses(&world), named(&[("shop", 0)]));
}

#[test]
fn a_tag_is_made_once() {
    let mut world = World::new();
    let create = Command::CreateTag { tag: tag("Shop") };
    let reply = world.tell(create.clone()).unwrap();
    let made = TagUse { name: tag("shop"), usage_count: 0, created_at: world.now };
    assert_eq!(reply, Reply::Tag(made));
    assert_eq!(world.tell(create).unwrap_err().slug, Slug::TagExists);
}

#[test]
fn a_tag_is_renamed_on_every_task_and_template() {
    let mut world = World::new();
    let task = world.add(tagged("Buy milk", &["a", "shop", "z"]));
    let gone = world.add(tagged("Gone", &["shop"]));
    world.one(delete(&gone, Scope::Following)).unwrap();
    let walk = world.add(Patch {
        tags: Change::Set(vec![tag("shop")]),
        ..recurring("Walk", "2026-11-21", json!("daily"))
    });
    let rename =
        |from: &str, to: &str, merge| Command::RenameTag { tag: tag(from), to: tag(to), merge };
    assert_eq!(world.tell(rename("none", "x", false)).unwrap_err().slug, Slug::NotFound);
    world.tell(rename("shop", "shop", false)).unwrap();
    assert!(world.wrote.events.is_empty());
    assert_eq!(world.tell(rename("shop", "a", false)).unwrap_err().slug, Slug::TagExists);
    world.tell(rename("shop", "errand", false)).unwrap();
    assert_eq!(world.told(), ["task.updated", "task.updated"], "nobody is told of a deleted task");
    assert_eq!(world.get(&task).tags, [tag("a"), tag("errand"), tag("z")]);
    assert_eq!(world.one(restore(&gone)).unwrap().task.tags, [tag("errand")]);
    assert_eq!(world.series(&walk).template.tags, [tag("errand")]);
    world.tell(rename("errand", "a", true)).unwrap();
    assert_eq!(world.get(&task).tags, [tag("a"), tag("z")]);
    assert_eq!(uses(&world), named(&[("a", 3), ("z", 1)]));
}

#[test]
fn a_tag_in_use_is_deleted_by_force_alone() {
    let mut world = World::new();
    let task = world.add(tagged("Buy milk", &["shop"]));
    let delete = |force| Command::DeleteTag { tag: tag("shop"), force };
    assert_eq!(world.tell(delete(false)).unwrap_err().slug, Slug::TagInUse);
    assert_eq!(world.tell(delete(true)).unwrap(), Reply::Done);
    assert!(world.get(&task).tags.is_empty());
    assert_eq!(world.tell(delete(true)).unwrap_err().slug, Slug::NotFound);
}
