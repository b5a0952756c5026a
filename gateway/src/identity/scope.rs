//! What a credential allows.

use std::fmt;

/// One thing a credential may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Scope {
    /// Reading tasks, tags, reminders, rules, the inbox, live messages.
    TasksRead = 1,
    /// Changing them.
    TasksWrite = 2,
    /// Reading one's own audit and history.
    AuditRead = 4,
    /// Reading everybody's audit.
    AuditAll = 8,
    /// Webhooks.
    Webhooks = 16,
    /// Personal tokens.
    Tokens = 32,
    /// Chat.
    Chat = 64,
}

impl Scope {
    /// Every scope, in the order of the contract.
    pub(crate) const ALL: [Self; 7] = [
        Self::TasksRead,
        Self::TasksWrite,
        Self::AuditRead,
        Self::AuditAll,
        Self::Webhooks,
        Self::Tokens,
        Self::Chat,
    ];

    /// The scope as tokens write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TasksRead => "tasks:read",
            Self::TasksWrite => "tasks:write",
            Self::AuditRead => "audit:read",
            Self::AuditAll => "audit:all",
            Self::Webhooks => "webhooks",
            Self::Tokens => "tokens",
            Self::Chat => "chat",
        }
    }

    /// Reads a scope.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    /// What a credential without a word about scopes allows: all but `audit:all`.
    pub(crate) fn usual() -> Self {
        Scope::ALL.into_iter().filter(|scope| *scope != Scope::AuditAll).collect()
    }

    /// The scopes of a space-separated text; words that are no scope of ours allow nothing.
    pub(crate) fn of_text(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(Scope::parse).collect()
    }

    /// Whether it holds a scope.
    pub(crate) fn has(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    /// Whether it holds every scope of another.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The scopes by name, in the order of the contract.
    pub(crate) fn names(self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.has(*scope)).map(Scope::name).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |all, scope| all | scope as u8))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}
