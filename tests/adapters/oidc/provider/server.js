// An OpenID Connect server that is none of ours, with its own sign-in pages for development.
// ISSUER is its address, KEYS its private keys as JSON; whoever signs in belongs to `acme`.
import * as oidc from "oidc-provider";

const issuer = process.env.ISSUER;
const api = "https://paas.example/api";
const provider = new oidc.Provider(issuer, {
  jwks: { keys: JSON.parse(process.env.KEYS) },
  clients: [
    {
      client_id: "client-1",
      token_endpoint_auth_method: "none",
      application_type: "native",
      redirect_uris: ["http://127.0.0.1/callback"],
      response_types: ["code"],
      grant_types: [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
      ],
    },
  ],
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "openid",
        audience: "client-1",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  extraTokenClaims: () => ({ owner: "acme", roles: ["developer"], name: "Grace" }),
  issueRefreshToken: async () => true,
  rotateRefreshToken: () => true,
});
provider.listen(Number(new URL(issuer).port), "127.0.0.1", () => console.log("ready"));
