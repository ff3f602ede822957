use std::net::SocketAddr;
use std::sync::Arc;

use admitone::authn::Algorithm;

use super::mint::{Posts, answer_bytes};
use crate::gateway::{Folder, Gateway, ROUTE, write_secret};
use crate::http::mint_request_with;
use crate::keys::Pair;
use crate::place::{GENERATOR, SERVER};
use crate::process::Process;
use crate::role::verify::{Report, Round};
use crate::rounds::{Contender, Rounds, median};
use crate::table::{Goal, Row, Table};
use crate::token::{AUDIENCE, ISSUER, claims};
use crate::{Failure, Settings};

const TTL_SECONDS: u32 = 5;

/// People of each algorithm: whoever mints twice brings the same token.
const PEOPLE: usize = 200;

/// How long each verification alone is timed for, in milliseconds of each round.
const ALONE: &str = "40";

const PEER: &str = "hyper + verify";

pub(super) async fn run(settings: Settings) -> Result<Table, Failure> {
    let folder = Folder::new()?;
    let (_upstream, upstream) = Process::in_role(GENERATOR, &["role", "echo"])?;
    let mut issuers = String::new();
    let mut requests: Vec<Arc<[Vec<u8>]>> = Vec::new();
    for algorithm in Algorithm::ALL {
        let pair = Pair::of(*algorithm)?;
        issuers += &issuer(*algorithm, &pair, &folder)?;
        requests.push(people(*algorithm, &pair)?.into());
    }
    let gateway = Gateway::trusting(folder.path(), upstream, TTL_SECONDS, &issuers).await?;
    let bytes = answer_bytes(gateway.address(), &requests[0][0]).await?.to_string();
    let (hyper, hyper_address) = Process::in_role(SERVER, &["role", "floor", "hyper", &bytes])?;
    let mut contenders: Vec<_> =
        Algorithm::ALL.iter().map(|own| Contender { name: own.name(), pids: vec![gateway.pid()] }).collect();
    let mut addresses: Vec<SocketAddr> = contenders.iter().map(|_| gateway.address()).collect();
    contenders.push(Contender { name: "bare hyper", pids: vec![hyper.pid()] });
    addresses.push(hyper_address);
    requests.push(requests[0].clone());
    let bare = contenders.len() - 1;
    let rounds = Rounds::measure(&contenders, None, settings, &mut Posts::new(addresses, requests)).await?;

    let alone = Process::printed(SERVER, &["role", "verify", &settings.rounds().to_string(), ALONE])?;
    let alone: Report = serde_json::from_str(&alone)?;
    let mut table = Table::new("algorithms: CPU us of a mint, by what its token is signed with");
    let floors = rounds.figures(bare, |sample| sample.cpu);
    for (at, (name, verified)) in alone.algorithms.iter().enumerate() {
        let verify = median(verified.iter().map(|round: &Round| round.crypto).collect()) / 1000.0;
        let ours = rounds.figures(at, |sample| sample.cpu);
        let ratios = ours.iter().zip(&floors).map(|(ours, floor)| ours / (floor + verify)).collect();
        let peers = (PEER, median(floors.clone()) + verify);
        let row = Row::beside(format!("CPU us/mint, {name}"), peers, median(ours), ratios, Some(Goal::AtMost(1.2)));
        table.add(row.numbered(10));
    }
    table.note(format!("{PEER}: the bare POST of the same rounds, and one verification by the crypto library alone"));
    table.note(format!("{PEOPLE} people of each algorithm; who mints again brings the token of before"));
    table.note(rounds.quietness());
    Ok(table)
}

/// An issuer of its own for each algorithm, with its key in a file.
fn issuer(algorithm: Algorithm, pair: &Pair, folder: &Folder) -> Result<String, Failure> {
    let name = algorithm.name();
    let file = folder.path().join(format!("{name}.key"));
    write_secret(&file, &pair.file)?;
    let key = if name.starts_with("HS") { "secret_file" } else { "public_key_file" };
    Ok(format!(
        "\n[[issuers]]\nname = \"{}\"\nissuer = \"{ISSUER}/{name}\"\naudience = \"{AUDIENCE}\"\n\
         algorithms = \"{name}\"\n{key} = \"{name}.key\"\n",
        name.to_ascii_lowercase(),
    ))
}

fn people(algorithm: Algorithm, pair: &Pair) -> Result<Vec<Vec<u8>>, Failure> {
    (0..PEOPLE)
        .map(|number| {
            let mut claims = claims(number)?;
            claims["iss"] = format!("{ISSUER}/{}", algorithm.name()).into();
            Ok(mint_request_with(&pair.sign(&claims)?, ROUTE))
        })
        .collect()
}
