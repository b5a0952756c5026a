//! The tag registry: tags are made by name or by first use, and renamed and deleted on every task.

use std::sync::Arc;

use super::{
    edit,
    event::Event,
    mass::{self, Mass},
    work::Work,
};
use crate::message::{
    rejection::{Rejection, Slug},
    task::{
        Task,
        command::{Patch, Reply, Scope, TagUse, TaskRef},
    },
    text::Tag,
};

fn known(work: &Work<'_>, tag: &Tag) -> Result<TagUse, Rejection> {
    work.list.tag(tag).ok_or_else(Rejection::not_found)
}

/// Puts a tag on a task, or takes it off.
pub(super) fn tag(
    work: &mut Work<'_>,
    task: TaskRef,
    tag: &Tag,
    on: bool,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let task = work.find(task, expect)?;
    let tags = vec![tag.clone()];
    let patch = if on {
        Patch { add_tags: tags, ..Patch::default() }
    } else {
        Patch { remove_tags: tags, ..Patch::default() }
    };
    edit::edit(work, &task, &patch, Scope::Following).map(Reply::Task)
}

/// Makes a tag.
pub(super) fn create(work: &mut Work<'_>, tag: &Tag) -> Result<Reply, Rejection> {
    if work.list.tags.contains_key(tag) {
        let detail = format!("There is a tag {tag} already.");
        return Err(Rejection::new(Slug::TagExists, detail));
    }
    work.emit(Event::Tagged { tag: tag.clone(), created_at: work.at.now });
    known(work, tag).map(Reply::Tag)
}

/// Renames a tag on every task.
pub(super) fn rename(
    work: &mut Work<'_>,
    tag: &Tag,
    to: &Tag,
    merge: bool,
) -> Result<Reply, Rejection> {
    let old = known(work, tag)?;
    if tag == to {
        return Ok(Reply::Tag(old));
    }
    if work.list.tags.contains_key(to) && !merge {
        let detail = format!("There is a tag {to} already; ask for a merge to join them.");
        return Err(Rejection::new(Slug::TagExists, detail));
    }
    if !work.list.tags.contains_key(to) {
        work.emit(Event::Tagged { tag: to.clone(), created_at: old.created_at });
    }
    let carries = |task: &&Arc<Task>| {
        task.deleted_at.is_none() && (task.tags.contains(tag) || task.tags.contains(to))
    };
    let usage_count = work.list.tasks.values().filter(carries).count();
    mass::begin(work, Mass::Retag { from: tag.clone(), to: Some(to.clone()) });
    // Those that the next wakes rename are counted already.
    Ok(Reply::Tag(TagUse { usage_count, ..known(work, to)? }))
}

/// Deletes a tag.
pub(super) fn delete(work: &mut Work<'_>, tag: &Tag, force: bool) -> Result<Reply, Rejection> {
    let old = known(work, tag)?;
    if old.usage_count > 0 && !force {
        let detail = format!("{} tasks carry the tag; force takes it off them.", old.usage_count);
        return Err(Rejection::new(Slug::TagInUse, detail));
    }
    mass::begin(work, Mass::Retag { from: tag.clone(), to: None });
    Ok(Reply::Done)
}
