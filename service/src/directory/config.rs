//! Sections `upstreams.regions` and `upstreams.roles`.

use chassis::{
    config::{Reader, Upstream},
    upstream_keys,
};

use super::Parts;

/// Where cities and roles are asked for. Without a URL: in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `upstreams.regions`
    pub regions: Upstream,
    /// `upstreams.roles`
    pub roles: Upstream,
}

impl Config {
    /// Reads the sections; a problem when users are to be served and there is nobody to ask.
    pub(crate) fn read(reader: &mut Reader, parts: Option<Parts>) -> Self {
        let config = Self {
            regions: Upstream::read(reader, upstream_keys!("regions")),
            roles: Upstream::read(reader, upstream_keys!("roles")),
        };
        if let Some(parts) = parts.filter(|parts| parts.users) {
            for (upstream, here) in [(&config.regions, parts.regions), (&config.roles, parts.roles)] {
                if upstream.url.is_none() && !here {
                    let name = upstream.name;
                    reader.problem(
                        format!("upstreams.{name}.url"),
                        format!("is missing, and the profile has no {name} of its own; write a URL such as http://{name}"),
                    );
                }
            }
        }
        config
    }
}
