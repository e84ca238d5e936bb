import java.io.BufferedWriter;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/*
 * parquet-java's own reader and writer for nested columns, which its command line passes through Avro and loses.
 *
 *   ParquetJava read FILE                                    a line of JSON a record
 *   ParquetJava copy FILE OUT v1|v2 CODEC PAGE_BYTES DICT    the same records, encoded anew
 *
 * A group is an array of its fields, a field an array of its values: [] is null, [x] a value, [x, y] a repeated field.
 * Integers are numbers, floats their bits, everything else hexadecimal text. Checksums are verified.
 */
public final class ParquetJava {
    private static void value(StringBuilder out, Group group, int field, int index) {
        Type type = group.getType().getType(field);
        if (!type.isPrimitive()) {
            group(out, group.getGroup(field, index));
            return;
        }
        switch (type.asPrimitiveType().getPrimitiveTypeName()) {
            case BOOLEAN -> out.append(group.getBoolean(field, index) ? 1 : 0);
            case INT32 -> out.append(group.getInteger(field, index));
            case INT64 -> out.append(group.getLong(field, index));
            case FLOAT -> out.append(Float.floatToRawIntBits(group.getFloat(field, index)));
            case DOUBLE -> out.append(Double.doubleToRawLongBits(group.getDouble(field, index)));
            case INT96 -> hex(out, group.getInt96(field, index).getBytes());
            default -> hex(out, group.getBinary(field, index).getBytes());
        }
    }

    private static void hex(StringBuilder out, byte[] bytes) {
        out.append('"');
        for (byte b : bytes) {
            out.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
        }
        out.append('"');
    }

    private static void group(StringBuilder out, Group group) {
        GroupType type = group.getType();
        for (int field = 0; field < type.getFieldCount(); field++) {
            out.append(field == 0 ? "[[" : ",[");
            for (int index = 0; index < group.getFieldRepetitionCount(field); index++) {
                if (index > 0) {
                    out.append(',');
                }
                value(out, group, field, index);
            }
            out.append(']');
        }
        out.append(']');
    }

    private static ParquetReader<Group> open(String file, Configuration conf) throws Exception {
        conf.setBoolean("parquet.page.verify-checksum.enabled", true);
        return ParquetReader.builder(new GroupReadSupport(), new Path(file)).withConf(conf).build();
    }

    private static void read(String file) throws Exception {
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        try (ParquetReader<Group> reader = open(file, new Configuration())) {
            for (Group record = reader.read(); record != null; record = reader.read()) {
                StringBuilder line = new StringBuilder();
                group(line, record);
                out.append(line).append('\n');
            }
            out.flush();
        }
    }

    private static void copy(String[] args) throws Exception {
        Configuration conf = new Configuration();
        MessageType schema;
        try (ParquetFileReader file = ParquetFileReader.open(HadoopInputFile.fromPath(new Path(args[1]), conf))) {
            schema = file.getFileMetaData().getSchema();
        }
        int pageBytes = Integer.parseInt(args[5]);
        try (ParquetReader<Group> reader = open(args[1], conf);
             ParquetWriter<Group> writer = ExampleParquetWriter.builder(new Path(args[2]))
                     .withType(schema)
                     .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
                     .withConf(conf)
                     .withWriterVersion(args[3].equals("v2") ? ParquetProperties.WriterVersion.PARQUET_2_0
                                                             : ParquetProperties.WriterVersion.PARQUET_1_0)
                     .withCompressionCodec(CompressionCodecName.valueOf(args[4]))
                     .withPageSize(pageBytes)
                     .withMinRowCountForPageSizeCheck(1)
                     .withDictionaryPageSize(pageBytes)
                     .withRowGroupSize(20L * pageBytes)
                     .withDictionaryEncoding(Boolean.parseBoolean(args[6]))
                     .withBloomFilterEnabled(true)
                     .withPageWriteChecksumEnabled(true)
                     .build()) {
            for (Group record = reader.read(); record != null; record = reader.read()) {
                writer.write(record);
            }
        }
    }

    /* Several commands follow each other, parted by "--": starting the machine takes longer than most. */
    public static void main(String[] args) throws Exception {
        int from = 0;
        for (int i = 0; i <= args.length; i++) {
            if (i < args.length && !args[i].equals("--")) {
                continue;
            }
            String[] one = java.util.Arrays.copyOfRange(args, from, i);
            if (one[0].equals("read")) {
                System.out.println("file " + one[1]);
                System.out.flush();
                read(one[1]);
            } else {
                copy(one);
            }
            from = i + 1;
        }
    }
}
