//! What strikes.

use std::time::Duration;

use crate::dice::Dice;
use crate::gateways::Gateways;
use crate::ledger::Ledger;
use crate::link::Link;
use crate::pair::Pair;
use crate::servers::eventually;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The primary is killed with -9 and comes back with nothing.
    Emptied,
    /// The primary is killed with -9 and comes back with a snapshot of some time before.
    Restored,
    /// The primary is there and does nothing.
    Hung,
    /// Connections to the primary end.
    Cut,
    /// Connections to the primary carry nothing.
    Silent,
    /// The primary is killed with -9 and its replica promoted.
    Promoted,
    /// The same, and the replica had not heard the latest.
    PromotedBehind,
    /// A gateway is killed with -9.
    GatewayKilled,
    /// The upstream is gone, with all its connections, and comes back.
    UpstreamKilled,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::Emptied,
        Self::Restored,
        Self::Hung,
        Self::Cut,
        Self::Silent,
        Self::Promoted,
        Self::PromotedBehind,
        Self::GatewayKilled,
        Self::UpstreamKilled,
    ];
}

/// What can be struck.
pub(crate) struct Target<'a> {
    pub(crate) pair: &'a mut Pair,
    pub(crate) link: &'a Link,
    pub(crate) gateways: &'a Gateways,
    pub(crate) upstream: &'a mut Ledger,
}

impl Target<'_> {
    /// Strikes, lets it last, and mends what can be mended.
    pub(crate) async fn suffer(&mut self, fault: Fault, dice: &mut Dice) {
        let lasting = Duration::from_millis(200 + 10 * u64::try_from(dice.below(40)).expect("64 bits"));
        let lasts = || tokio::time::sleep(lasting);
        let Self { pair, link, gateways, upstream } = self;
        match fault {
            Fault::Emptied => {
                pair.kill_primary();
                lasts().await;
                pair.primary.restart();
            }
            Fault::Restored => {
                // Not while it sends the replica one.
                eventually("a snapshot", || pair.primary.cli(&["SAVE"]) == "OK");
                lasts().await;
                pair.kill_primary();
                pair.primary.restart();
            }
            Fault::Hung => {
                pair.primary.stop();
                lasts().await;
                pair.primary.go_on();
            }
            Fault::Cut | Fault::Silent => {
                if fault == Fault::Cut {
                    link.cut()
                } else {
                    link.fall_silent()
                }
                lasts().await;
                link.lead_to(pair.primary.port);
            }
            Fault::Promoted => pair.fail_over(link),
            Fault::PromotedBehind => {
                pair.is_in_step();
                pair.cut_replication();
                lasts().await;
                pair.fail_over(link);
            }
            Fault::GatewayKilled => gateways.kill_and_restart(dice.below(2)),
            Fault::UpstreamKilled => {
                upstream.kill().await;
                lasts().await;
                upstream.restart().await;
            }
        }
    }
}
