//! Bugs that the simulation plants to show that it would find them. Outside tests no bug is ever planted.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A slot is reused although no snapshot covers it.
    ReuseUncovered,
    /// The snapshot is written without the outbox.
    OutboxForgotten,
    /// The alarm is registered after the answer.
    ArmAfterAnswer,
    /// Syncs are taken in without mark.
    NoMark,
    /// Reads trust memory however old.
    ReadUnvalidated,
    /// A repeat is answered without the gate.
    ReplayUngated,
    /// Rejections and wakes that find nothing trust memory.
    StaleNo,
    /// A delivery moves the mark to the latest turn, not to what was delivered.
    MarkCurrent,
    /// A write whose outcome is unknown is taken for written.
    UnknownIsYes,
    /// An alarm counts although its moment has passed.
    PastAlarmCounts,
    /// A cancellation is acknowledged before the clock knows of it.
    ConfirmSkipped,
    /// A repeated command is done again.
    NoWindow,
    /// What is owed is not covered by an alarm.
    NoCover,
}

#[cfg(test)]
thread_local! {
    pub(super) static PLANTED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Whether this bug is planted.
#[cfg(test)]
pub(super) fn planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether this bug is planted: never.
#[cfg(not(test))]
pub(super) const fn planted(_: Fault) -> bool {
    false
}
