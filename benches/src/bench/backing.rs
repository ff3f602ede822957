use super::handshake::Handshakes;
use super::{TTL_SECONDS, busyness};
use crate::gateway::{Folder, Gateway, Tickets};
use crate::place::GENERATOR;
use crate::process::Process;
use crate::redis::Server;
use crate::rounds::{Contender, Rounds};
use crate::table::{Goal, Row, Table};
use crate::{Failure, Settings};

const IN_FLIGHT: usize = 32;

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let mut table = Table::new("backing: a handshake with its ticket in Redis, beside one in memory");
    let Some(server) = Server::start().await? else {
        table.note("redis-server is not installed (apt-get install redis-server): nothing was measured");
        return Ok(table);
    };
    let folders = [Folder::new()?, Folder::new()?];
    let (upstream, upstream_address) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let on_redis = Gateway::start_on(&server, folders[0].path(), upstream_address, TTL_SECONDS).await?;
    let in_memory = Gateway::start(folders[1].path(), upstream_address, TTL_SECONDS).await?;
    let contenders = [("Redis", &on_redis), ("memory", &in_memory)]
        .map(|(name, gateway)| Contender { name, pids: vec![gateway.pid()] });
    let tickets = vec![Some(Tickets::of(&on_redis)?), Some(Tickets::of(&in_memory)?)];
    let mut handshakes = Handshakes::new(vec![on_redis.address(), in_memory.address()], tickets, IN_FLIGHT);
    let rounds = Rounds::measure(&contenders, Some(upstream.pid()), settings, &mut handshakes).await?;

    let (pair, goal) = ((0, 1, "memory"), Some(Goal::AtMost(1.1)));
    table.add(Row::of_rounds("handshake CPU us of the gateway", &rounds, pair, |sample| sample.cpu, goal).numbered(12));
    table.add(Row::of_rounds("handshakes/s", &rounds, pair, |sample| sample.rate, None));
    table.note(format!("backing: {}", busyness(&rounds, &contenders)));
    table.note(format!("backing: {}", rounds.quietness()));
    table
        .note("backing: Redis runs on the server's core too, which the rate feels and the gateway's CPU time does not");
    Ok(table)
}
