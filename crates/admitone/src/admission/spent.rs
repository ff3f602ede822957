use std::sync::PoisonError;
use std::time::Instant;

use crate::now::Now;
use crate::sync::{Mutex, MutexGuard};
use crate::ticket::TicketId;

const SHARDS: usize = 16;

/// Ids that are looked through together: as many as one line of the processor's cache holds.
const WAYS: usize = 7;

/// Most lines of a shard. Where a line of that many is full, the id that expires first is forgotten: the store refuses it all
/// the same, at the price of a look-up.
const MOST_LINES: usize = 1 << 13;

/// In these steps ids are forgotten: 128 of them are longer than any ticket lives that the gateway mints.
const STEP_SECONDS: u64 = 32;

/// The tickets that this node has seen spent, until they expire: a replay costs neither a dial nor a store operation.
///
/// A redemption looks here twice, and there may be a million ids: so an id is in one line or nowhere, and nothing else is read
/// or written for it.
#[derive(Debug)]
pub(crate) struct SpentTickets {
    epoch: Instant,
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for SpentTickets {
    fn default() -> Self {
        Self { epoch: Instant::now(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl SpentTickets {
    /// Whether a ticket was seen spent; of one that has expired it may say either.
    pub(crate) fn has(&self, id: TicketId) -> bool {
        self.shard(id).has(name(id))
    }

    pub(crate) fn add(&self, id: TicketId, forget_at: u64, now: Now) {
        let second = now.instant.saturating_duration_since(self.epoch).as_secs();
        let (step, life) = (second / STEP_SECONDS, forget_at.saturating_sub(now.unix).div_ceil(STEP_SECONDS) + 1);
        self.shard(id).add(name(id), Step::at(step + life.min(i8::MAX as u64)), Step::at(step));
    }

    fn shard(&self, id: TicketId) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(id.0[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half of an id, and never 0. Two of a million tickets share it once in 10^7 times, and then the second is refused.
fn name(id: TicketId) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|at| id.0[at + 8])) | 1
}

/// A moment, in steps of [`STEP_SECONDS`], modulo 256: two of them are compared by which is less than half a turn ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Step(u8);

impl Step {
    const fn at(step: u64) -> Self {
        Self(step as u8)
    }

    /// How far ahead of `now` it is; zero or less once it is over.
    const fn ahead_of(self, now: Self) -> i8 {
        self.0.wrapping_sub(now.0) as i8
    }
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line {
    /// 0 where there is none.
    names: [u64; WAYS],
    /// When each may be forgotten.
    until: [Step; WAYS],
}

impl Line {
    /// Remembers a name in the place of none, or of one that is over.
    fn add(&mut self, name: u64, until: Step, now: Step) -> bool {
        let known = self.names.iter().position(|known| *known == name);
        let is_free = |at: &usize| self.names[*at] == 0 || self.until[*at].ahead_of(now) <= 0;
        match known.or_else(|| (0..WAYS).find(is_free)) {
            Some(at) => {
                (self.names[at], self.until[at]) = (name, until);
                true
            }
            None => false,
        }
    }

    /// Remembers a name in the place of the one that expires first.
    fn replace_first(&mut self, name: u64, until: Step, now: Step) {
        let first = (0..WAYS).min_by_key(|at| self.until[*at].ahead_of(now)).unwrap_or_default();
        (self.names[first], self.until[first]) = (name, until);
    }
}

#[derive(Debug, Default)]
struct Shard {
    /// As many as a power of two, or none.
    lines: Vec<Line>,
}

impl Shard {
    fn has(&self, name: u64) -> bool {
        !self.lines.is_empty() && self.lines[self.line_of(name)].names.contains(&name)
    }

    fn add(&mut self, name: u64, until: Step, now: Step) {
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        loop {
            let line = self.line_of(name);
            if self.lines[line].add(name, until, now) {
                return;
            }
            if self.lines.len() == MOST_LINES {
                return self.lines[line].replace_first(name, until, now);
            }
            self.grow(now);
        }
    }

    /// Doubles the lines, and leaves behind what is over.
    fn grow(&mut self, now: Step) {
        let more = vec![Line::default(); self.lines.len() * 2];
        for old in std::mem::replace(&mut self.lines, more) {
            for (name, until) in old.names.into_iter().zip(old.until).filter(|(name, _)| *name != 0) {
                // Each line is spread over two, so there is room.
                let line = self.line_of(name);
                if until.ahead_of(now) > 0 {
                    self.lines[line].add(name, until, now);
                }
            }
        }
    }

    /// By the bits that [`name`] leaves as they are.
    fn line_of(&self, name: u64) -> usize {
        (name >> 1) as usize & (self.lines.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Of one shard; those whose `line` is the same share it, however many lines there are.
    fn id(line: u32, number: u32) -> TicketId {
        let name = u64::from(number) << 33 | u64::from(line) << 1;
        TicketId(std::array::from_fn(|at| if at < 8 { 0 } else { name.to_le_bytes()[at - 8] }))
    }

    fn now() -> Now {
        Now { unix: 1_800_000_000, instant: Instant::now() }
    }

    fn lines(spent: &SpentTickets) -> usize {
        spent.shard(id(0, 0)).lines.len()
    }

    #[test]
    fn an_id_is_remembered_until_its_time_is_up_and_makes_room_then() {
        let (spent, start) = (SpentTickets::default(), now());
        for number in 0..WAYS as u32 {
            spent.add(id(0, number), start.unix + 60, start);
        }
        assert!((0..WAYS as u32).all(|number| spent.has(id(0, number))) && !spent.has(id(0, 7)));
        let later = start.after(Duration::from_secs(60 + 2 * STEP_SECONDS));
        for number in 7..7 + WAYS as u32 {
            spent.add(id(0, number), later.unix + 3600, later);
        }
        assert!((7..7 + WAYS as u32).all(|number| spent.has(id(0, number))) && !spent.has(id(0, 0)));
        assert_eq!(lines(&spent), 1);
    }

    #[test]
    fn there_are_as_many_lines_as_ids_need_and_none_is_lost() {
        let (spent, now) = (SpentTickets::default(), now());
        assert!(!spent.has(id(0, 0)));
        for number in 0..2000_u32 {
            spent.add(id(number.reverse_bits() >> 21, number), now.unix + 3602, now);
        }
        assert!((0..2000).all(|number: u32| spent.has(id(number.reverse_bits() >> 21, number))));
        assert!((512..=2048).contains(&lines(&spent)), "{} lines", lines(&spent));
    }

    #[test]
    fn an_id_outlives_new_lines_to_its_last_second_and_is_left_behind_then() {
        let is_kept = |first: u64, life: u64, last: u64| {
            let (spent, unix) = (SpentTickets::default(), 1_800_000_000 + first);
            let instant = spent.epoch + Duration::from_secs(first);
            spent.add(id(1, 1), unix + life, Now { unix, instant });
            spent.shard(id(1, 1)).grow(Step::at(last / STEP_SECONDS));
            spent.has(id(1, 1))
        };
        for (first, life) in [(0, 32), (31, 2), (0, 33), (100, 60), (4095, 3000)] {
            assert!(is_kept(first, life, first + life - 1), "from {first} for {life} s");
            assert!(!is_kept(first, life, first + life + 2 * STEP_SECONDS), "from {first} for {life} s");
        }
        assert!(is_kept(0, 32, 2 * STEP_SECONDS - 1) && !is_kept(0, 32, 2 * STEP_SECONDS));
    }

    #[test]
    fn names_are_never_none_and_use_every_line() {
        let named = |number: u64| {
            let bytes = number.to_le_bytes();
            name(TicketId(std::array::from_fn(|at| if at < 8 { 0 } else { bytes[at - 8] })))
        };
        assert!((0..4).all(|number| named(number) != 0));
        let shard = Shard { lines: vec![Line::default(); 8] };
        let used: std::collections::HashSet<usize> = (0..16).map(|number| shard.line_of(named(number))).collect();
        assert_eq!(used.len(), 8);
    }

    #[test]
    fn a_full_line_forgets_what_expires_first() {
        let (spent, now) = (SpentTickets::default(), now());
        let most = WAYS as u32 + 3;
        for number in 0..most {
            spent.add(id(0, number), now.unix + u64::from(100 * (number + 1)), now);
        }
        assert_eq!(lines(&spent), MOST_LINES);
        let has: Vec<bool> = (0..most).map(|number| spent.has(id(0, number))).collect();
        assert_eq!(has, [vec![false; 3], vec![true; WAYS]].concat());
    }

    #[test]
    fn an_id_that_is_spent_twice_is_remembered_once() {
        let (spent, start) = (SpentTickets::default(), now());
        for second in 0..20 {
            spent.add(id(1, 1), start.unix + 60, start.after(Duration::from_secs(second)));
        }
        assert!(spent.has(id(1, 1)));
        let held: usize =
            spent.shard(id(1, 1)).lines.iter().flat_map(|line| line.names).filter(|name| *name != 0).count();
        assert_eq!(held, 1);
    }

    /// Longer than the steps can be told apart: forgotten early, and not at once.
    #[test]
    fn a_life_of_days_counts_as_an_hour() {
        let (spent, start) = (SpentTickets::default(), now());
        spent.add(id(0, 0), start.unix + 30 * 24 * 3600, start);
        let later = start.after(Duration::from_secs(3600));
        for number in 1..WAYS as u32 {
            spent.add(id(0, number), later.unix + 60, later);
        }
        assert!((0..WAYS as u32).all(|number| spent.has(id(0, number))));
    }
}
