// Curfew's client, as far as a BFF needs one: is this token to be honoured, and: this user has logged out.

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

// How long a call may take, in milliseconds. A check takes a fraction of one; a logout waits for a disk.
const DEADLINE = 2000;

// A connection that ends just now is no reason to fail: both calls may be made again, for they change nothing twice.
const RETRIES = JSON.stringify({
  methodConfig: [{
    name: [{ service: 'curfew.v1.RevocationService' }],
    retryPolicy: {
      maxAttempts: 3,
      initialBackoff: '0.05s',
      maxBackoff: '0.5s',
      backoffMultiplier: 2,
      retryableStatusCodes: ['UNAVAILABLE'],
    },
  }],
});

// `address` as "host:port"; `protos` is the directory that has curfew/v1/revocation.proto; `audience` is the one that
// this API stands for, so that a token for another API of the same provider is no good here.
export function connectCurfew(address, { protos, audience }) {
  const definition = protoLoader.loadSync('curfew/v1/revocation.proto', {
    includeDirs: [protos],
    enums: String,
    longs: String,
    defaults: true,
    oneofs: true,
  });
  const { RevocationService } = grpc.loadPackageDefinition(definition).curfew.v1;
  // Without TLS: Curfew is on this machine, or in a network where nobody else listens.
  const client = new RevocationService(address, grpc.credentials.createInsecure(), { 'grpc.service_config': RETRIES });

  const call = (method, request) => new Promise((resolve, reject) => {
    client[method](request, { deadline: Date.now() + DEADLINE }, (error, response) => {
      if (error) reject(new CurfewError(error));
      else resolve(response);
    });
  });

  return {
    // Answers { valid, verdict, detail, token: { subject, … } }. Rejects where Curfew could not decide: such a token
    // must not be honoured.
    validate: (token) => call('ValidateToken', { token, audiences: [audience] }),

    // Logs the user of this token out, everywhere. When it resolves, that is on disk.
    recordLogout: (token) => call('RecordLogout', { token, reason: 'LOGOUT_REASON_USER_LOGOUT' }),

    close: () => client.close(),
  };
}

// Curfew could not be reached, or could not decide or record.
export class CurfewError extends Error {
  constructor(cause) {
    super(`Curfew: ${grpc.status[cause.code]}: ${cause.details}`, { cause });
  }
}
