"""A stock gRPC client: grpcio, and messages generated from proto/ at run time. To be used in children only, since grpcio's
threads do not survive a fork."""
import os
import sys

from toynettest import ROOT, command


def load(folder):
    """Returns (grpc, the messages' module)."""
    import fcntl

    out = os.path.join(folder, f"stubs-{os.getuid()}")
    # A user other than root cannot write to the folder of the test.
    if os.getuid() != 0:
        import tempfile

        out = tempfile.mkdtemp(prefix="toynet-stubs-")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(out, "toynet/v1/toynet_pb2.py")):
            command("protoc", "-I", os.path.join(ROOT, "proto"), f"--python_out={out}", "toynet/v1/toynet.proto")
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    sys.path.insert(0, out)
    import grpc
    from toynet.v1 import toynet_pb2

    if os.getuid() != 0:
        import shutil

        shutil.rmtree(out, ignore_errors=True)
    return grpc, toynet_pb2


def call(channel, pb, service, method):
    """The callable of one method, unary or streaming as the .proto says."""
    descriptor = pb.DESCRIPTOR.services_by_name[service].methods_by_name[method]
    path = f"/toynet.v1.{service}/{method}"
    request = getattr(pb, descriptor.input_type.name)
    response = getattr(pb, descriptor.output_type.name)
    kind = channel.unary_stream if method == "List" else channel.unary_unary
    return kind(path, request_serializer=request.SerializeToString, response_deserializer=response.FromString)
