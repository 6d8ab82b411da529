import * as grpc from '@grpc/grpc-js'
import { describeGrpcClient } from '@lb/testing/suites'
import * as oldest from 'grpc-js-oldest'
import { grpcJsHarness } from './grpc-js-client.ts'

describeGrpcClient('grpc-js', grpcJsHarness(grpc))
// The oldest version of the range that the package declares.
describeGrpcClient('grpc-js 1.14.0', grpcJsHarness(oldest as unknown as typeof grpc))
