// node oidc-provider.mjs LIBRARY PORT: an issuer with one client, whose access tokens are JWTs for "orders".
const { default: Provider } = await import(process.argv[2]);
const port = Number(process.argv[3]);
const orders = {
  scope: 'orders.read',
  audience: 'orders',
  accessTokenFormat: 'jwt',
  accessTokenTTL: 600,
  jwt: { sign: { alg: 'RS256' } },
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'shop',
    client_secret: 'geheim',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:orders',
      getResourceServerInfo: () => orders,
    },
  },
});
provider.listen(port, '127.0.0.1');
