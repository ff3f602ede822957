//! Rounds: every contender once in each, the order rotating; ratios are taken within a round.

use std::time::{Duration, Instant};

use crate::machine::{Watch, total};
use crate::process::cpu;
use crate::{Failure, Settings};

/// Work by others, in cores, above which a round is repeated.
const NOISE: f64 = 0.1;

/// A round is repeated until this many times the rounds that were asked for have run.
const PATIENCE: usize = 2;

/// A server that is measured.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// All of its processes.
    pub(crate) pids: Vec<u32>,
}

/// What is done to each contender.
pub(crate) trait Workload {
    /// What has to be there before the clock of a run of `time` starts.
    async fn prepare(&mut self, contender: usize, time: Duration) -> Result<(), Failure>;

    /// Runs for about that time.
    async fn run(&mut self, contender: usize, time: Duration) -> Result<Load, Failure>;
}

/// What a run did.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) operations: u64,
    /// How long operations took, where the workload tells.
    pub(crate) took: Vec<Duration>,
}

/// One contender in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Operations in a second.
    pub(crate) rate: f64,
    /// Microseconds of the server's on-CPU time for each operation.
    pub(crate) cpu: f64,
    /// The median time of an operation, microseconds.
    pub(crate) p50: f64,
    /// What one operation in a hundred exceeds, microseconds.
    pub(crate) p99: f64,
    /// How much of its core the server used.
    pub(crate) server: f64,
    /// How much of its core the load used, the upstream included.
    pub(crate) generator: f64,
}

/// The rounds that count, each with a sample of every contender.
#[derive(Debug)]
pub(crate) struct Rounds {
    rounds: Vec<Round>,
    /// How many ran.
    ran: usize,
}

#[derive(Debug)]
struct Round {
    samples: Vec<Sample>,
    /// Cores' worth of work by others meanwhile.
    others: f64,
}

impl Rounds {
    /// Measures. `upstream` is the process that shares the generator's core.
    pub(crate) async fn measure<W: Workload>(
        contenders: &[Contender],
        upstream: Option<u32>,
        settings: Settings,
        workload: &mut W,
    ) -> Result<Self, Failure> {
        let mut rounds: Vec<Round> = Vec::new();
        let quiet = |rounds: &[Round]| rounds.iter().filter(|round| round.others <= NOISE).count();
        run_round(0, contenders, upstream, settings.run(), workload).await?;
        while quiet(&rounds) < settings.rounds() && rounds.len() < settings.rounds() * PATIENCE {
            rounds.push(run_round(rounds.len(), contenders, upstream, settings.run(), workload).await?);
        }
        let ran = rounds.len();
        rounds.sort_by(|one, two| one.others.total_cmp(&two.others));
        rounds.truncate(settings.rounds());
        Ok(Self { rounds, ran })
    }

    /// The median of a figure of one contender.
    pub(crate) fn median(&self, contender: usize, figure: fn(&Sample) -> f64) -> f64 {
        median(self.figures(contender, figure))
    }

    /// A figure of one contender, round by round.
    pub(crate) fn figures(&self, contender: usize, figure: fn(&Sample) -> f64) -> Vec<f64> {
        self.rounds.iter().map(|round| figure(&round.samples[contender])).collect()
    }

    /// A figure of one contender over the same of another, round by round.
    pub(crate) fn ratios(&self, ours: usize, peer: usize, figure: fn(&Sample) -> f64) -> Vec<f64> {
        self.rounds.iter().map(|round| figure(&round.samples[ours]) / figure(&round.samples[peer])).collect()
    }

    /// How quiet it was.
    pub(crate) fn quietness(&self) -> String {
        let others = median(self.rounds.iter().map(|round| round.others).collect());
        let noisy = self.rounds.iter().filter(|round| round.others > NOISE).count();
        let Self { rounds, ran } = self;
        format!(
            "{} rounds of {ran}, the quietest; other processes used {others:.2} cores meanwhile, more than {NOISE} in {noisy}",
            rounds.len()
        )
    }
}

/// The middle one, or the mean of the middle two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
    }
}

async fn run_round<W: Workload>(
    number: usize,
    contenders: &[Contender],
    upstream: Option<u32>,
    time: Duration,
    workload: &mut W,
) -> Result<Round, Failure> {
    let mut ours: Vec<u32> = contenders.iter().flat_map(|contender| contender.pids.clone()).collect();
    ours.extend(upstream);
    let mut round = Round { samples: vec![Sample::default(); contenders.len()], others: 0.0 };
    for step in 0..contenders.len() {
        let at = (number + step) % contenders.len();
        let in_context = |error: Failure| format!("{}: {error}", contenders[at].name);
        workload.prepare(at, time).await.map_err(in_context)?;
        let watch = Watch::begin(&ours)?;
        round.samples[at] = sample(at, &contenders[at].pids, upstream, time, workload).await.map_err(in_context)?;
        round.others = round.others.max(watch.others()?);
    }
    Ok(round)
}

async fn sample<W: Workload>(
    at: usize,
    pids: &[u32],
    upstream: Option<u32>,
    time: Duration,
    workload: &mut W,
) -> Result<Sample, Failure> {
    let generator = || Ok::<_, Failure>(cpu(std::process::id())? + upstream.map_or(Ok(Duration::ZERO), cpu)?);
    let (begun, server_before, generator_before) = (Instant::now(), total(pids)?, generator()?);
    let load = workload.run(at, time).await?;
    let wall = begun.elapsed().as_secs_f64();
    let server = (total(pids)? - server_before).as_secs_f64();
    let generator = (generator()? - generator_before).as_secs_f64();
    let operations = load.operations as f64;
    let mut took: Vec<f64> = load.took.iter().map(|took| took.as_secs_f64() * 1e6).collect();
    took.sort_by(f64::total_cmp);
    Ok(Sample {
        rate: operations / wall,
        cpu: server * 1e6 / operations,
        p50: percentile(&took, 50),
        p99: percentile(&took, 99),
        server: server / wall,
        generator: generator / wall,
    })
}

/// Of values in order.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn a_percentile_is_exceeded_by_the_rest() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (100.0, 198.0));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), 3.0);
    }
}
